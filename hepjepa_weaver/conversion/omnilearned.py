"""OmniLearned's HDF5 files (2510.24066): `data` (J, 150, 4, 5 or 9), and the number of the class of each jet in `pid`.

Columns of `data` are Δη and Δφ to the jet, ln pT and ln E in GeV, and a number for the type. Then come tanh d0, its
error, tanh dz and its error, in mm. Slots with ln pT = 0 are empty. The file does not tell the jets' directions: φ is
taken as 0, and η is the one that agrees with ln E. Shapes: J jets, C particles.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.constituents import (
    CHARGED_HADRON,
    ELECTRON,
    MUON,
    NEUTRAL_HADRON,
    PHOTON,
    Constituents,
    Floats,
    Ints,
    Tracks,
)
from hepjepa_weaver.conversion.event_tree import refuse_options
from hepjepa_weaver.conversion.hdf5_arrays import open_arrays, piece_of
from hepjepa_weaver.conversion.jet_batch import JetBatch
from hepjepa_weaver.conversion.request import Request

JETS_AT_ONCE = 5000
D0_ERROR = "data[:, :, 6] (error of d0)"
WIDTHS = (4, 5, 9)
TYPES = ((CHARGED_HADRON, -1), (MUON, 1), (ELECTRON, 1), None, (ELECTRON, -1), (MUON, -1), (PHOTON, 0),
         (NEUTRAL_HADRON, 0), (CHARGED_HADRON, 1))  # fmt: skip
"""Kind and charge by the number of the type: the places of -211, -13, -11, 0, 11, 13, 22, 130 and 211 in this order."""
PADDING = 3
LEADING = 5
"""Number of particles of each jet that tell its η."""
LIMIT = 0.99999  # of a tanh in single precision, beyond which d0 is not known


def count_entries(path: Path) -> int:
    """Return the number of jets of a file.

    Raises:
        UserError: the file cannot be read, or has another layout.
    """
    with _arrays(path) as arrays:
        return len(arrays["data"])


def read(path: Path, request: Request) -> Iterator[JetBatch]:
    """Yield the jets of a file, `JETS_AT_ONCE` at a time.

    Raises:
        UserError: the file cannot be read or has another layout, or an option is not for it.
    """
    refuse_options(request, "OmniLearned")
    if request.columns:
        raise UserError(f"--columns {' '.join(request.columns)}: OmniLearned's files have no further columns by name")
    with _arrays(path) as arrays:
        for start in range(0, len(arrays["data"]), JETS_AT_ONCE):
            slots, label = (piece_of(path, arrays[name], start, JETS_AT_ONCE) for name in ("data", "pid"))
            yield JetBatch(
                number=len(slots),
                constituents=particles_of(slots.astype(np.float64), path),
                file_jets=None,
                columns={"jet_label": label.reshape(len(slots)).astype(np.int32)},
                entries=len(slots),
                notes=("directions of jets are not in the file: φ is 0",),
            )


def particles_of(slots: NDArray[np.float64], path: Path) -> Constituents:
    """Return the particles of slots (J, P, 4, 5 or 9).

    Raises:
        UserError: a type is none of OmniLearned's nine.
    """
    jet, slot = np.nonzero(slots[..., 2] != 0)
    delta_eta, phi, log_pt, log_energy = slots[jet, slot, :4].T
    eta = delta_eta + directions(slots)[jet]
    pt, energy = np.exp(log_pt), np.exp(log_energy)
    kind = charge = tracks = None
    if slots.shape[2] > 4:
        kind, charge = kinds_and_charges(slots[jet, slot, 4].astype(np.int64), path)
    if slots.shape[2] > 5:
        d0, d0_error, dz, dz_error = slots[jet, slot, 5:9].T
        has_track = (charge != 0) & (d0_error > 0)
        lengths = {"d0": unsquashed(d0), "d0_error": d0_error, "dz": unsquashed(dz), "dz_error": dz_error}
        tracks = Tracks(**{name: np.where(has_track, values, 0.0) for name, values in lengths.items()})
    return Constituents(
        jet, pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy, charge=charge, kind=kind, tracks=tracks
    )


def directions(slots: NDArray[np.float64]) -> Floats:
    """Return η (J,) of jets: that with which energies agree with pT, as of massless particles.

    Both signs are tried. The one that gives particles of a jet the same axis is taken; a jet of one particle has η > 0.
    """
    hardest = np.argsort(-np.where(slots[..., 2] != 0, slots[..., 2], -np.inf), axis=1)[:, :LEADING]
    delta_eta, _, log_pt, log_energy = np.moveaxis(np.take_along_axis(slots[..., :4], hardest[..., None], 1), -1, 0)
    size = np.arccosh(np.maximum(np.exp(log_energy - log_pt), 1.0))
    size, delta_eta = (np.where(log_pt != 0, values, np.nan) for values in (size, delta_eta))
    found, spread = [], []
    for sign in (1, -1):
        axis = sign * size - delta_eta
        middle = np.nanmedian(np.where(np.isfinite(axis).any(axis=1, keepdims=True), axis, 0.0), axis=1)
        found.append(middle)
        spread.append(np.nansum(np.abs(axis - middle[:, None]), axis=1))
    return np.where(spread[0] <= spread[1], *found)


def kinds_and_charges(types: Ints, path: Path) -> tuple[Ints, Ints]:
    """Return kinds and charges (C,) of particles by the numbers of their types.

    Raises:
        UserError: a number is none of OmniLearned's nine, or that of padding.
    """
    wrong = (types < 0) | (types >= len(TYPES)) | (types == PADDING)
    if wrong.any():
        found = np.unique(types[wrong])[:5].tolist()
        raise UserError(f"{path}: data[:, :, 4] holds {found} as types of particles, and OmniLearned's are 0 to "
                        f"{len(TYPES) - 1} without {PADDING}")  # fmt: skip
    table = np.array([pair or (0, 0) for pair in TYPES])
    return table[types, 0], table[types, 1]


def unsquashed(values: Floats) -> Floats:
    """Return the lengths (C,) in mm behind hyperbolic tangents."""
    return np.arctanh(np.clip(values, -LIMIT, LIMIT))


@contextmanager
def _arrays(path: Path) -> Iterator[dict[str, Any]]:
    with open_arrays(path) as arrays:
        shape: tuple[int, ...] = arrays["data"].shape if "data" in arrays else ()
        if len(shape) != 3 or shape[2] not in WIDTHS or "pid" not in arrays:
            widths = ", ".join(map(str, WIDTHS))
            raise UserError(f"{path} is no file of OmniLearned: it has no data of {widths} columns with pid, but "
                            f"{', '.join(arrays) or 'no arrays'}")  # fmt: skip
        yield arrays
