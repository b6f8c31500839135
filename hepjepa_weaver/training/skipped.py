"""Files and jets that training and validation go on without, and what is said about them after each epoch."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from weaver.utils.data import fileio
from weaver.utils.logger import _logger

from hepjepa_weaver.errors import UserError
from hepjepa_weaver.training.files import count_readable, missing_files

READERS = ("_read_root", "_read_parquet", "_read_hdf5", "_read_awkd")
NAMED = 20


@dataclass
class InputFiles:
    """The files of one of weaver's loaders: jets (None if not known) of those that are read, and why others are not."""

    jets: dict[str, int | None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def leave_out_unreadable(loader: Any, patterns: Sequence[str]) -> InputFiles:
    """Take files that cannot be read out of a weaver loader, before its first batch; look once a loader.

    Args:
        patterns: what the command line names for it.

    Raises:
        UserError: no file is left, or fewer than there are processes that read.
    """
    dataset = loader.dataset
    known: InputFiles | None = getattr(dataset, "_hepjepa_files", None)
    if known is not None:
        return known
    files = InputFiles(left_out={path: f"{path} is not there" for path in missing_files(patterns)})
    for paths in dataset._init_file_dict.values():
        for path in paths:
            try:
                files.jets[path] = count_readable(path, dataset.config)
            except UserError as error:
                files.left_out[path] = str(error)
    if dataset._init_file_dict and not files.jets:
        raise UserError(f"none of the input files can be read: {'; '.join(files.left_out.values())}")
    for group, paths in dataset._init_file_dict.items():
        good = [path for path in paths if path in files.jets]
        if len(good) < max(loader.num_workers, 1):
            raise UserError(
                f"of the files of group {group!r} {len(good)} can be read, fewer than the {loader.num_workers} "
                f"processes that read (--num-workers): {'; '.join(files.left_out.values())}"
            )
        dataset._init_file_dict[group] = good
    dataset._hepjepa_files = files
    for reason in files.left_out.values():
        _logger.warning("Left out: %s", reason)
    return files


def report_skipped(loader: Any, use: str) -> None:
    """Warn of what an epoch has gone without. use: training or validation."""
    files: InputFiles = loader.dataset._hepjepa_files
    failed = FAILED_READS.of(files.jets)
    if files.left_out:
        total = len(files.left_out) + len(files.jets)
        _logger.warning(
            "%s goes without %d of %d files, whose jets nobody can count: %s",
            use.capitalize(), len(files.left_out), total, _some(list(files.left_out.values())),
        )  # fmt: skip
    if failed:
        jets = [read.jets(files.jets[read.path]) for read in failed]
        number = "an unknown number of" if None in jets else f"about {sum(filter(None, jets))}"
        names = sorted({f"{read.path} ({read.reason})" for read in failed})
        _logger.warning("%s: %d reads have failed since the last report, %s jets: %s",
                        use.capitalize(), len(failed), number, _some(names))  # fmt: skip


def require_readable(loader: Any) -> None:
    """Raise a UserError if a file of a test cannot be read: a test wants all of its jets."""
    for paths in loader.dataset._init_file_dict.values():
        for path in paths:
            count_readable(path, loader.dataset.config, is_test=True)


def refuse_skipped(loader: Any) -> None:
    """Raise a UserError if jets of a test could not be read: a test without them would look like a whole one."""
    failed = FAILED_READS.of({path for paths in loader.dataset._init_file_dict.values() for path in paths})
    if failed:
        names = sorted({f"{read.path} ({read.reason})" for read in failed})
        raise UserError(f"{len(failed)} reads of test jets have failed: {_some(names)}: get the files again")


@dataclass(frozen=True)
class FailedRead:
    """A part of a file, from `start` to `stop` of 1, that was to be read in vain."""

    path: str
    start: float
    stop: float
    reason: str

    def jets(self, in_file: int | None) -> int | None:
        """How many were lost, if the number in the file is known."""
        return None if in_file is None else round((self.stop - self.start) * in_file)


class FailedReads:
    """Takes notes of what weaver's readers, in whichever process, cannot read: weaver logs that and goes on."""

    def __init__(self) -> None:
        self._notes = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115 - shared with the forked readers
        self._read: list[FailedRead] = []
        self._position = 0

    def watch(self) -> None:
        """Put a note-taker around each reader of weaver."""
        for name in READERS:
            reader = getattr(fileio, name)
            if not hasattr(reader, "watched"):
                setattr(fileio, name, self._watched(reader))

    def of(self, paths: Any) -> list[FailedRead]:
        """Those of some files since they were last asked for."""
        self._take_up()
        found = [read for read in self._read if read.path in paths]
        self._read = [read for read in self._read if read.path not in paths]
        return found

    def _watched(self, reader: Callable[..., Any]) -> Callable[..., Any]:
        def watched(filepath: str, branches: Any, load_range: Any = None, **kwargs: Any) -> Any:
            try:
                return reader(filepath, branches, load_range=load_range, **kwargs)
            except Exception as error:
                start, stop = load_range or (0, 1)
                reason = " ".join(str(error).split())[:200]
                self._notes.write(f"{filepath}\t{start}\t{stop}\t{reason}\n".encode())
                raise

        watched.watched = True  # type: ignore[attr-defined]
        return watched

    def _take_up(self) -> None:
        size = os.fstat(self._notes.fileno()).st_size
        content = os.pread(self._notes.fileno(), size - self._position, self._position)
        self._position = size
        for line in content.decode().splitlines():
            path, start, stop, reason = line.split("\t", 3)
            self._read.append(FailedRead(path, float(start), float(stop), reason))


FAILED_READS = FailedReads()


def _some(entries: Sequence[str]) -> str:
    more = f"; and {len(entries) - NAMED} more" if len(entries) > NAMED else ""
    return "; ".join(entries[:NAMED]) + more
