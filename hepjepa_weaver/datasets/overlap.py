"""A check that jets chosen for training are not in other files, such as those for validation and test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import kind_of, list_files
from hepjepa_weaver.datasets.pool import Entries

KNOWN_BY = ("jet_pt", "jet_eta", "jet_phi", "jet_energy")
Fingerprints = NDArray[np.uint64]
ODD_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)


def check_apart(chosen: Mapping[Path, Mapping[Path, Entries]], others: Sequence[Path], allowed: int = 0) -> None:
    """Check that at most `allowed` chosen jets are in the files or directories `others`.

    Jets are recognised by the four numbers of their momentum, bit by bit.

    Args:
        chosen: as `choose_jets` returns it.
        others: files or directories of jets.
        allowed: number of common jets to tolerate.

    Raises:
        UserError: more jets are common.
    """
    if not others:
        return
    wanted: dict[Path, list[Entries]] = {}
    for parts in chosen.values():
        for path, entries in parts.items():
            wanted.setdefault(path, []).append(entries)
    known = {path: fingerprints(path)[np.concatenate(entries)] for path, entries in wanted.items()}
    # File names may recur in another folder, so each of `others` is listed separately.
    files = [path for other in others for path in list_files([other])]
    refuse_common(common_jets(known, {path: fingerprints(path) for path in files}), "training", allowed)


def refuse_common(counts: Mapping[Path, int], use: str, allowed: int) -> None:
    """Raise a UserError if files together have more than `allowed` jets that are also used for `use`."""
    if sum(counts.values()) > allowed:
        found = ", ".join(f"{count} jets of {path}" for path, count in counts.items())
        raise UserError(
            f"{found} are among those for {use}: give other files, or allow for jets that a data set holds twice by "
            "--allow-common (common_jets in a plan)"
        )


def common_jets(first: Mapping[Path, Fingerprints], second: Mapping[Path, Fingerprints]) -> dict[Path, int]:
    """Return the number of jets that are also in `first`, for each file of `second` that has any."""
    known = np.unique(np.concatenate(list(first.values())))
    counts = {path: int(np.isin(jets, known).sum()) for path, jets in second.items()}
    return {path: count for path, count in counts.items() if count}


def fingerprints(path: Path) -> NDArray[np.uint64]:
    """Return one number per jet (N,) that identifies its momentum.

    Equal momenta have equal numbers. Different momenta have different ones, except for 1 pair in 10¹⁹.
    """
    try:
        chunks = [_mix(columns) for columns in kind_of(path).flat_columns(path, KNOWN_BY)]
    except KeyError as error:
        raise UserError(f"{path} has no column {error}: jets are told apart by {', '.join(KNOWN_BY)}") from error
    return np.concatenate(chunks) if chunks else np.zeros(0, np.uint64)


def _mix(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
    mixed = np.zeros(len(columns[KNOWN_BY[0]]), np.uint64)
    for name, factor in zip(KNOWN_BY, ODD_FACTORS, strict=True):
        mixed = (mixed ^ columns[name].astype(np.float32).view(np.uint32)) * factor
        mixed ^= mixed >> np.uint64(29)
    return mixed
