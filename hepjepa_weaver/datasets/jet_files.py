"""Read chosen jets out of JetClass-like ROOT files (STEM_NNN.root, TTree `tree`) and write them again.

A class of jets is a file stem: `HToBB_000.root`, `HToBB_001.root`, … hold the class `HToBB`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray

from hepjepa_weaver.datasets.whole_files import written_whole
from hepjepa_weaver.errors import UserError

TREE = "tree"
CHUNK = 10_000  # entries read at once, about 100 MB of JetClass


def class_files(directory: Path) -> dict[str, list[Path]]:
    """Return the ROOT files of `directory` by class, both in natural order. Raises UserError if it has none."""
    numbered = []
    for path in directory.glob("*.root"):
        stem, _, number = path.stem.rpartition("_")
        numbered.append((stem, int(number), path) if stem and number.isdecimal() else (path.stem, 0, path))
    if not numbered:
        raise UserError(f"{directory} holds no .root files: give the directory of STEM_NNN.root files")
    classes: dict[str, list[Path]] = {}
    for stem, _, path in sorted(numbered):
        classes.setdefault(stem, []).append(path)
    return classes


def count_jets(path: Path) -> int:
    """Return the number of jets in `path`. Raises UserError where it cannot be read or has no `tree`."""
    try:
        with uproot.open(path) as file:
            return int(file[TREE].num_entries)
    except (OSError, ValueError, KeyError, AttributeError, uproot.DeserializationError) as error:
        raise UserError(f"{path} cannot be read as a ROOT file with a TTree '{TREE}': make it anew") from error


def file_identity(path: Path) -> str:
    """Return the UUID that every ROOT file gets when it is written: remade jets have another."""
    with uproot.open(path) as file:
        return str(file.file.uuid)


def counter_branches(path: Path) -> dict[str, str]:
    """Return, for each ragged branch of `path` that has one, the branch with its length, such as `npart`."""
    with uproot.open(path) as file:
        return _counters(file[TREE])


def read_jets(path: Path, entries: NDArray[np.int64]) -> Any:
    """Return the jets `entries` (ascending) of `path`, all branches, as an awkward array.

    Reads at most `CHUNK` neighbouring entries at once, and none outside the chosen ones.
    """
    with uproot.open(path) as file:
        tree = file[TREE]
        counters = set(_counters(tree).values())  # left out: uproot writes them itself
        branches = [branch.name for branch in tree.branches if branch.name not in counters]
        parts = []
        for chosen in _by_chunk(entries):
            start, stop = int(chosen[0]), int(chosen[-1]) + 1
            parts.append(tree.arrays(branches, entry_start=start, entry_stop=stop)[chosen - start])
    return ak.concatenate(parts)


def join_jets(parts: Mapping[Path, Any]) -> Any:
    """Return the jets of several files as one array. Raises UserError where their branches differ."""
    (first, reference), *others = parts.items()
    for path, jets in others:
        if branch_types(jets) != branch_types(reference):
            raise UserError(f"{path} and {first} differ in their branches: keep files of one kind per class")
    return ak.concatenate(list(parts.values()))


def branch_types(jets: Any) -> dict[str, str]:
    """Return the type of one entry of each branch, such as `float32` or `var * float32`."""
    return {name: str(jets[name].type.content) for name in sorted(jets.fields)}


def write_jets(jets: Any, path: Path, counters: Mapping[str, str]) -> None:
    """Write `jets` to `path`, whole or not at all, as the TTree `tree` (weaver reads no RNTuple).

    The length of a ragged branch goes to the branch that `counters` names for it, else to `n` and its name.
    """
    with written_whole(path) as temporary, uproot.recreate(temporary) as file:
        columns = {name: jets[name] for name in jets.fields}
        types = {name: column.type for name, column in columns.items()}
        tree = file.mktree(TREE, types, counter_name=lambda name: counters.get(name, f"n{name}"))
        tree.extend(columns)


def _counters(tree: Any) -> dict[str, str]:
    return {b.name: b.count_branch.name for b in tree.branches if b.count_branch is not None}


def _by_chunk(entries: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Split ascending `entries` where a multiple of `CHUNK` lies between them."""
    boundaries = np.flatnonzero(np.diff(entries // CHUNK)) + 1
    parts: Sequence[NDArray[np.int64]] = np.split(entries, boundaries)
    yield from parts
