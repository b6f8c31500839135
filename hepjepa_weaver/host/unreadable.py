"""Files and jets that training and validation leave out, and their report after each epoch."""

import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.input_files import count_readable, missing_files
from hepjepa_weaver.host.label_columns import label_columns
from hepjepa_weaver.host.notes import NOTES
from hepjepa_weaver.host.reading import FILES, UNLABELLED
from hepjepa_weaver.runtime.ranks import is_parallel, of_all_processes, of_each_process, rank
from hepjepa_weaver.weaver_api.loaders import file_lists, files_of, set_file_lists, set_sampler_option
from hepjepa_weaver.weaver_api.log import logger

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


def leave_out_unreadable(loader: Any, patterns: Sequence[str], takes_unlabelled: bool = False) -> InputFiles:
    """Remove files that cannot be read from a weaver loader, before its first batch; check each loader once.

    Args:
        loader: weaver's loader.
        patterns: files that the command line names for it.
        takes_unlabelled: let jets through that have no class, and files without columns of labels.

    Raises:
        UserError: no file of a group is left.
    """
    dataset = loader.dataset
    known: InputFiles | None = getattr(dataset, "_hepjepa_files", None)
    if known is not None:
        return known
    may_lack = label_columns(dataset.config) if takes_unlabelled and file_lists(loader) else frozenset()
    files = InputFiles(left_out={path: f"{path} is not there" for path in missing_files(patterns)})
    for paths in file_lists(loader).values():
        for path in paths:
            try:
                files.jets[path] = count_readable(path, dataset.config, may_lack=may_lack)
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
    set_sampler_option(loader, FILES, list(files.jets))
    set_sampler_option(loader, UNLABELLED, takes_unlabelled)
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


USES = {"train": "training", "val": "validation", "test": "test"}
"""Weaver's names of the uses of jets, and ours."""


def report_skipped(loader: Any, mode: str) -> None:
    """Warn of the files and jets that an epoch left out, on all ranks.

    Args:
        loader: weaver's loader.
        mode: weaver's name of its use.
    """
    files: InputFiles = loader.dataset._hepjepa_files
    use = USES[mode]
    report_changes(files.jets, mode)
    report_jets_without_class(mode)
    failed = failed_reads(files.jets)
    left_out = of_all_processes(list(files.left_out.values()))
    if left_out:
        logger.warning(
            "%s goes without %d files, whose jets nobody can count: %s",
            use.capitalize(), len(left_out), _some(left_out),
        )  # fmt: skip
    lost = of_all_processes([read.describe(files.jets[read.path]) for read in failed])
    if lost:
        logger.warning("%s: reads have failed since the last report: %s", use.capitalize(), _some(lost))


def report_changes(paths: Container[str], mode: str) -> None:
    """Tell once which files gave no jets to the selection, and what has been changed in jets.

    Args:
        paths: the files of a loader.
        mode: weaver's name of its use.
    """
    use = USES[mode].capitalize()
    gives = {note["path"]: note["has_jets"] for note in NOTES.take("jets", path=paths, use=[mode])}
    without = of_all_processes([path for path, has_jets in gives.items() if not has_jets])
    if without:
        logger.warning("%s: the selection leaves no jet of what was read of %s", use, _some(without))
    for note in NOTES.take("tidied", use=[mode]):
        if note["num_empty"]:
            logger.warning("%s: slots without momentum are no particles (%d in the first jets)", use, note["num_empty"])
        if note["num_sorted"]:
            logger.warning(
                "%s: jets with more than %d particles keep those of highest pT (%d of the first jets; these lose "
                "%.1f %% of their pT)", use, note["length"], note["num_sorted"], 100 * note["lost"],
            )  # fmt: skip


def report_jets_without_class(mode: str) -> None:
    """Tell how many jets an epoch has left out because they have no class."""
    notes = [note for notes in of_each_process(list(NOTES.take("no_class", use=[mode]))) for note in notes]
    if notes:
        logger.warning(
            "%s leaves out %d jets without a class: their labels are all 0 (of %d jets that were read with them)",
            USES[mode].capitalize(), sum(note["number"] for note in notes), sum(note["of"] for note in notes),
        )  # fmt: skip


def nothing_given(loader: Any, mode: str, batch_size: int) -> UserError:
    """Return the error for a loader that gives no batch: nothing passes the selection, or too little for one.

    Args:
        loader: weaver's loader.
        mode: weaver's name of its use.
        batch_size: number of jets in a batch.
    """
    files, labels = files_of(loader), loader.dataset.config.label_value
    unlabelled = sum(note["number"] for note in NOTES.take("no_class", use=[mode]))
    if unlabelled:
        return UserError(
            f"no {batch_size} jets of the {USES[mode]} files ({_some(files)}) have a class: {', '.join(labels)} are 0 "
            f"for {unlabelled} jets; look at `labels:` in the data config. Only pre-training takes such jets"
        )
    gives = {note["path"]: note["has_jets"] for note in NOTES.take("jets", path=files, use=[mode])}
    option = {"train": "--batch-size", "val": "--batch-size-val", "test": "--batch-size-test"}[mode]
    if mode == "test" or not any(gives.values()):
        return UserError(
            f"no jet of the {USES[mode]} files ({_some(files)}) passes the selection: look at `selection:` in the data "
            f"config and at --extra-selection-{mode}"
        )
    return UserError(f"the {USES[mode]} files do not fill one batch of {batch_size} jets: lower {option}")


def require_readable(loader: Any) -> None:
    """Raise a UserError if a file of a test cannot be read: a test needs all of its jets, but no labels."""
    config, paths = loader.dataset.config, files_of(loader)
    for path in paths:
        count_readable(path, config, is_test=True, may_lack=label_columns(config))
    set_sampler_option(loader, FILES, paths)


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


def failed_reads(paths: Container[str]) -> list[FailedRead]:
    """Return the failed reads of some files since the last call for them."""
    notes = NOTES.take("failed", path=paths)
    return [FailedRead(note["path"], note["start"], note["stop"], note["reason"]) for note in notes]


def _some(entries: Sequence[str]) -> str:
    more = f"; and {len(entries) - NAMED} more" if len(entries) > NAMED else ""
    return "; ".join(entries[:NAMED]) + more
