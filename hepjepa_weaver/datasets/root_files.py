"""Reading of chosen jets from JetClass-like ROOT files, and writing them again to a tree of the same name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError, first_line
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.datasets.pieces import larger_pieces
from hepjepa_weaver.datasets.ragged import as_ragged

NOTE = "hepjepa_weaver"
TREE = "tree"
"""Name of the tree in JetClass."""
PARTICLES = "part_*"
"""Branches that tell the tree of jets among several trees."""
CHUNK = 10_000  # entries read at once, about 100 MB of JetClass
UNREADABLE = (OSError, ValueError, KeyError, AttributeError, uproot.DeserializationError)


def count_jets(path: Path) -> int:
    """Return the number of jets in `path`.

    Raises:
        UserError: the file cannot be read, or has no tree of jets.
    """
    with _tree(path) as tree:
        return int(tree.num_entries)


def file_identity(path: Path) -> str:
    """Return the UUID that every ROOT file gets when it is written; remade jets have another one."""
    with uproot.open(path) as file:
        return str(file.file.uuid)


def flat_columns(path: Path, names: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield columns with one number per jet, `CHUNK` jets at a time.

    Raises:
        KeyError: a column is missing.
    """
    with _tree(path) as tree:
        for name in names:
            if name not in tree.keys():  # noqa: SIM118 - a tree is no mapping
                raise KeyError(name)
        for start in range(0, tree.num_entries, CHUNK):
            yield tree.arrays(list(names), entry_start=start, entry_stop=start + CHUNK, library="np")


def copy_jets(parts: Mapping[Path, NDArray[np.int64]], target: Path) -> None:
    """Write entries (ascending) of several files to one file, whole or not at all, chunk by chunk.

    Raises:
        UserError: the files differ in their branches.
    """
    first = next(iter(parts))
    counters, types = counter_branches(first), branch_types(next(read_jets(first, next(iter(parts.values()))[:1])))

    def tables() -> Iterator[Any]:
        for path, entries in parts.items():
            for jets in read_jets(path, entries):
                if branch_types(jets) != types:
                    raise UserError(f"{path} and {first} differ in their branches: keep files of one kind per class")
                yield jets

    write_jets(tables(), target, counters, tree_name(first))


def counter_branches(path: Path) -> dict[str, str]:
    """Return, for each ragged branch of `path`, the branch with its length, such as `npart`, if there is one."""
    with _tree(path) as tree:
        return _counters(tree)


def read_jets(path: Path, entries: NDArray[np.int64]) -> Iterator[Any]:
    """Yield the jets `entries` (ascending) of `path`, all branches, as awkward arrays.

    Each array holds at most `CHUNK` neighbouring entries. Nothing before its first or behind its last entry is read.
    """
    with _tree(path) as tree:
        counters = set(_counters(tree).values())  # left out: uproot writes them itself
        branches = [name for name in tree.keys(recursive=False) if name not in counters]
        for chosen in _by_chunk(entries):
            start, stop = int(chosen[0]), int(chosen[-1]) + 1
            yield tree.arrays(branches, entry_start=start, entry_stop=stop)[chosen - start]


def read_all(path: Path) -> Iterator[Any]:
    """Yield all jets of `path`, `CHUNK` at a time, as awkward arrays."""
    for jets in read_jets(path, np.arange(count_jets(path))):
        yield as_ragged(jets)


def write_like(source: Path, tables: Iterable[Any], target: Path) -> None:
    """Write tables of jets; the tree and the branches with lengths are named as in `source`."""
    write_jets(tables, target, counter_branches(source), tree_name(source))


def branch_types(jets: Any) -> dict[str, str]:
    """Return the type of one entry of each branch, such as `float32` or `var * float32`."""
    return {name: str(jets[name].type.content) for name in sorted(jets.fields)}


def write_jets(tables: Iterable[Any], path: Path, counters: Mapping[str, str], name: str = TREE, note: str = "") -> int:
    """Write tables of jets to `path`, whole or not at all, as a TTree of this name, and return the number of jets.

    Weaver reads no RNTuple. The length of a ragged branch goes to the branch that `counters` names for it, otherwise to
    `n` and its name.
    `note_of` returns the note.

    Raises:
        UserError: there are no jets.
    """
    with written_whole(path) as temporary, uproot.recreate(temporary) as file:
        tree, number = None, 0
        for jets in larger_pieces(tables):
            number += len(jets)
            columns = {branch: jets[branch] for branch in jets.fields}
            if tree is None:
                types = {branch: column.type for branch, column in columns.items()}
                tree = file.mktree(name, types, counter_name=lambda branch: counters.get(branch, f"n{branch}"))
            tree.extend(columns)
        if tree is None:
            raise UserError(f"{path}: no jets to write")
        if note:
            file[NOTE] = note
    return number


def note_of(path: Path) -> str | None:
    """Return the note of a ROOT file that `write_jets` wrote, None for any other file."""
    try:
        with uproot.open(path) as file:
            return str(file[NOTE]) if f"{NOTE};1" in file.keys() else None  # noqa: SIM118 - a file is no mapping
    except UNREADABLE:
        return None


def tree_name(path: Path) -> str:
    """Return the name of the tree of jets in a file, with its folders.

    Raises:
        UserError: the file cannot be read, or has no tree of jets.
    """
    with _opened(path) as (_, name):
        return name


def name_of_tree(file: Any, treename: str | None, path: Path | str, remedy: str) -> str:
    """Return the name of the tree of an open ROOT file that is read: a TTree, or an RNTuple where there is none.

    Args:
        file: the open file.
        treename: name of the tree; None for the only one.
        path: the file, for messages.
        remedy: where to name the tree, for messages.

    Raises:
        UserError: there is no such tree, or none is named and the file has several.
    """
    trees, rntuples = _of_kind(file, "TTree"), _of_kind(file, "ROOT::RNTuple")
    if treename in [*trees, *rntuples]:
        return str(treename)
    found = trees or rntuples
    if treename or len(found) != 1:
        names = ", ".join(found) or "none"
        wanted = f"no tree {treename}" if treename else f"{len(found)} trees"
        raise UserError(f"{path} has {wanted}: name one as {remedy} ({names})")
    return found[0]


def _name_of_jets(file: Any, path: Path) -> str:
    trees = _of_kind(file, "TTree")
    if len(trees) > 1:
        trees = [name for name in trees if file[name].keys(filter_name=PARTICLES)] or trees
    return name_of_tree(file, trees[0] if len(trees) == 1 else None, path, f"the only one with branches {PARTICLES}")


def _of_kind(file: Any, kind: str) -> list[str]:
    return sorted({key.partition(";")[0] for key, name in file.classnames().items() if name == kind})


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, str]]:
    """Open a file and find its tree of jets; name the file if that fails."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(uproot.open(path))
            name = _name_of_jets(file, path)
            tree = file[name]
        except UNREADABLE as error:
            reason = first_line(error)
            raise UserError(f"{path} cannot be read as a ROOT file with a TTree ({reason}): make it anew") from error
        yield tree, name


@contextmanager
def _tree(path: Path) -> Iterator[Any]:
    """Open the tree of jets of a file."""
    with _opened(path) as (tree, _):
        yield tree


def _counters(tree: Any) -> dict[str, str]:
    branches = getattr(tree, "branches", ())  # an RNTuple has none, and no counters
    return {b.name: b.count_branch.name for b in branches if b.count_branch is not None}


def _by_chunk(entries: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Split ascending `entries` where a multiple of `CHUNK` lies between them; yield nothing if there are none."""
    if not len(entries):
        return
    boundaries = np.flatnonzero(np.diff(entries // CHUNK)) + 1
    parts: Sequence[NDArray[np.int64]] = np.split(entries, boundaries)
    yield from parts
