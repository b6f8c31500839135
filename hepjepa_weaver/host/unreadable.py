"""Files and jets that training and validation leave out, and their report after each epoch."""

import atexit
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.input_files import count_readable, missing_files
from hepjepa_weaver.runtime.ranks import is_parallel, of_all_processes, rank
from hepjepa_weaver.weaver_api import READERS, file_lists, fileio, logger, reader, set_file_lists

NAMED = 20


@dataclass
class InputFiles:
    """The files of one of weaver's loaders.

    Attributes:
        jets: number of jets of each file that is read; None if not known.
        left_out: reason for each file that is left out.
    """

    jets: dict[str, int | None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def leave_out_unreadable(loader: Any, patterns: Sequence[str]) -> InputFiles:
    """Remove files that cannot be read from a weaver loader, before its first batch; check each loader once.

    Args:
        loader: weaver's loader.
        patterns: files that the command line names for it.

    Raises:
        UserError: no file of a group is left.
    """
    dataset = loader.dataset
    known: InputFiles | None = getattr(dataset, "_hepjepa_files", None)
    if known is not None:
        return known
    files = InputFiles(left_out={path: f"{path} is not there" for path in missing_files(patterns)})
    for paths in file_lists(loader).values():
        for path in paths:
            try:
                files.jets[path] = count_readable(path, dataset.config)
            except UserError as error:
                files.left_out[path] = str(error)
    reasons = _some(list(files.left_out.values()))
    readable: dict[str, list[str]] = {}
    for group, paths in file_lists(loader).items():
        good = [path for path in paths if path in files.jets]
        if not good:
            which = f"those that process {rank()} of several reads of" if is_parallel() else "the input files of"
            raise UserError(f"none of {which} group {group!r} can be read: {reasons}")
        readable[group] = good
    set_file_lists(loader, readable)  # new lists: without --data-val, validation shares them
    _fit_readers(loader)
    dataset._hepjepa_files = files
    for reason in files.left_out.values():
        logger.warning("Left out: %s", reason)
    return files


def _fit_readers(loader: Any) -> None:
    """Limit the number of worker processes to the number of files in any group, as weaver requires it.

    The workers are forked, so that their notes of failed reads arrive.
    """
    fewest = min((len(paths) for paths in file_lists(loader).values()), default=None)
    if fewest is None:
        return
    if fewest < loader.num_workers:
        logger.warning("%d processes read (--num-workers %d): there are no more files", fewest, loader.num_workers)
        loader.num_workers = fewest
    if loader.num_workers > 0 and sys.platform == "linux":
        loader.multiprocessing_context = "fork"


def report_skipped(loader: Any, use: str) -> None:
    """Warn of the files and jets that an epoch left out, on all ranks.

    Args:
        loader: weaver's loader.
        use: training or validation.
    """
    files: InputFiles = loader.dataset._hepjepa_files
    failed = FAILED_READS.of(files.jets)
    left_out = of_all_processes(list(files.left_out.values()))
    if left_out:
        logger.warning(
            "%s goes without %d files, whose jets nobody can count: %s",
            use.capitalize(), len(left_out), _some(left_out),
        )  # fmt: skip
    lost = of_all_processes([read.describe(files.jets[read.path]) for read in failed])
    if lost:
        logger.warning("%s: reads have failed since the last report: %s", use.capitalize(), _some(lost))


def require_readable(loader: Any) -> None:
    """Raise a UserError if a file of a test cannot be read: a test needs all of its jets."""
    for paths in file_lists(loader).values():
        for path in paths:
            count_readable(path, loader.dataset.config, is_test=True)


@dataclass(frozen=True)
class FailedRead:
    """A part of a file, from `start` to `stop` (fractions of its length), that could not be read."""

    path: str
    start: float
    stop: float
    reason: str

    def describe(self, in_file: int | None) -> str:
        """Say which jets were lost and why, and how many if the number in the file is known."""
        number = "" if in_file is None else f", about {round((self.stop - self.start) * in_file)} jets"
        return f"{self.path} from {self.start:.2g} to {self.stop:.2g} of its length{number} ({self.reason})"


class FailedReads:
    """Notes of what weaver's readers cannot read, in any process; weaver itself logs failures and goes on."""

    def __init__(self) -> None:
        self._notes = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115 - shared with the forked readers
        atexit.register(self._notes.close)
        self._read: list[FailedRead] = []
        self._position = 0

    def watch(self) -> None:
        """Wrap each reader of weaver, so that failures are noted.

        Raises:
            WeaverChanged: weaver has no reader of that name.
        """
        for ending, name in READERS.items():
            read = reader(ending)
            if not hasattr(read, "watched"):
                setattr(fileio, name, self._watched(read))

    def of(self, paths: Any) -> list[FailedRead]:
        """Return the failed reads of some files since the last call for them."""
        self._take_up()
        found = [read for read in self._read if read.path in paths]
        self._read = [read for read in self._read if read.path not in paths]
        return found

    def _watched(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def watched(filepath: str, branches: Any, load_range: Any = None, **kwargs: Any) -> Any:
            try:
                return read(filepath, branches, load_range=load_range, **kwargs)
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
