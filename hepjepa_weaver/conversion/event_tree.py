"""Files of events: ROOT files with one entry an event, and branches with one list of particles or jets an event.

Shapes: E events, J jets, all events end to end.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError, first_line
from hepjepa_weaver.conversion.request import Request
from hepjepa_weaver.datasets.root_files import UNREADABLE

HINTS = {
    "Delphes": "a file of Delphes, which `hepjepa convert delphes` reads",
    "Events": "a file of CMS, which `hepjepa convert pfnano` or `nanoaod` reads",
}
"""Trees, and what files with them are."""
CONVERTED = "part_px"


@contextmanager
def event_tree(path: Path, name: str) -> Iterator[Any]:
    """Open the tree of events of a file.

    Raises:
        UserError: the file cannot be read, or has no such tree.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(uproot.open(path))
            names = {key.partition(";")[0] for key in file.keys()}  # noqa: SIM118 - a file is no mapping
            tree = file[name] if name in names else None
        except UNREADABLE as error:
            reason = first_line(error)
            raise UserError(f"{path} cannot be read as a ROOT file ({reason}): get or make it anew") from error
        if tree is None:
            raise UserError(f"{path} has no tree {name}: {_what(file)}")
        yield tree


def pieces_of(tree: Any, names: Sequence[str], at_once: int, path: Path) -> Iterator[Any]:
    """Yield branches of a tree as awkward arrays, `at_once` events at a time.

    Raises:
        UserError: the file is damaged.
    """
    for start in range(0, tree.num_entries, at_once):
        try:
            piece = tree.arrays(list(names), entry_start=start, entry_stop=start + at_once)
        except UNREADABLE as error:
            reason = first_line(error)
            raise UserError(f"{path} is damaged behind event {start} ({reason}): get or make it anew") from error
        yield piece


def count_events(path: Path, name: str) -> int:
    """Return the number of events in the tree of a file.

    Raises:
        UserError: the file cannot be read, or has no such tree.
    """
    with event_tree(path, name) as tree:
        return int(tree.num_entries)


def _what(file: Any) -> str:
    """Say what a file looks like."""
    names = sorted({key.partition(";")[0] for key in file.keys()})  # noqa: SIM118
    for tree, hint in HINTS.items():
        if tree in names:
            return f"it looks like {hint}"
    for name in names:
        if CONVERTED in getattr(file[name], "keys", lambda: ())():
            return "it holds jets already: weaver reads it as it is"
    return f"it has {', '.join(names) or 'nothing'}"


def first_of(known: Iterable[str], names: Iterable[str]) -> str | None:
    """Return the first of `names` that is known; None if there is none."""
    there = set(known)
    return next((name for name in names if name in there), None)


def require_branches(path: Path, missing: Sequence[str], layout: str) -> None:
    """Check that no branch is missing.

    Raises:
        UserError: some are; the message names all of them.
    """
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}: it is no file of {layout}, or was made without its "
                        "particles")  # fmt: skip


def refuse_options(request: Request, layout: str) -> None:
    """Check that a file of jets is not asked for what files of CMS's events have.

    Raises:
        UserError: it is.
    """
    refuse_vertices(request, layout)
    if request.radius is not None:
        raise UserError(f"--radius {request.radius} is for labels from generator particles, which {layout} has not")
    if request.jets:
        raise UserError(f"--jets {request.jets} is for files of events: {layout} has one kind of jets, leave it out")


def refuse_vertices(request: Request, layout: str) -> None:
    """Check that a file without secondary vertices is not asked for them.

    Raises:
        UserError: it is.
    """
    if request.vertices:
        raise UserError(f"{layout} has no secondary vertices: leave out --vertices, and run `hepjepa vertices` later")


def flat(column: Any) -> NDArray[Any]:
    """Return the numbers of a ragged column of E events end to end."""
    flattened = ak.flatten(column, axis=1)
    return flattened if ak.fields(flattened) else np.asarray(flattened)


def sizes(column: Any) -> NDArray[np.int64]:
    """Return the lengths (E,) of the lists of a ragged column."""
    return np.asarray(ak.num(column), np.int64)


def starts(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return the place of the first entry of each event, with all events end to end."""
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64) if len(counts) else np.zeros(0, np.int64)


def plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers in a type that weaver and torch take: flags and unsigned numbers become signed ones."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "f":
        return values.astype(np.float32) if size < 4 else values
    return values.astype(np.int64 if size == 8 or (kind == "u" and size == 4) else np.int32)


def carried(
    events: Any, names: Sequence[str], collection: str, jets: NDArray[Any], path: Path
) -> dict[str, NDArray[Any]]:
    """Return columns (J,) of events and of jets; a dot in a name becomes an underscore.

    Args:
        events: E events.
        names: their branches.
        collection: start of the names of branches of jets, such as `FatJet_`.
        jets: (E,), number of jets of each event.
        path: the file, for messages.

    Raises:
        UserError: a branch has neither one number for each event nor one for each jet.
    """
    columns = {}
    for name in names:
        column = events[name]
        if column.ndim == 2 and not name.startswith(collection) and ak.all(ak.num(column) == 1):
            column = column[:, 0]  # Delphes has a list of one number
        if column.ndim == 1:
            values = np.repeat(plain(np.asarray(column)), jets)
        elif column.ndim == 2 and name.startswith(collection):
            values = plain(flat(column))
        else:
            raise UserError(f"{path}: {name} has neither one number for each event nor one for each jet of "
                            f"{collection}: leave it out of --columns")  # fmt: skip
        columns[name.replace(".", "_")] = values
    return columns
