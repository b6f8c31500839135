"""Aspen Open Jets (2412.10504): HDF5 files of CMS's jets of 2016, with 150 slots for candidates.

Momenta in GeV without PUPPI weights, lengths in cm, −1 for "no track", d0 with the opposite sign of JetClass's. Columns
are those of AOJProcessing, which made the files. Shapes: J jets, C particles.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.cms import CM_TO_MM, required_kinds
from hepjepa_weaver.conversion.constituents import Constituents, tracks_in_mm
from hepjepa_weaver.conversion.event_tree import refuse_options
from hepjepa_weaver.conversion.hdf5_arrays import open_arrays, piece_of
from hepjepa_weaver.conversion.jet_batch import FileJets, JetBatch
from hepjepa_weaver.conversion.request import Request

JETS_AT_ONCE = 5000  # 33 MB of candidates
D0_ERROR = "PFCands[:, :, 5] (d0Err)"
CANDIDATE = ("px", "py", "pz", "energy", "d0", "d0_error", "dz", "dz_error", "charge", "pdg_id", "weight")
SHAPES = {
    "event_info": ("run", "luminosityBlock", "event"),
    "jet_kinematics": ("pt", "eta", "phi", "msoftdrop"),
    "jet_tagging": (
        "nConstituents", "tau1", "tau2", "tau3", "tau4", "particleNet_H4qvsQCD", "particleNet_HbbvsQCD",
        "particleNet_HccvsQCD", "particleNet_QCD", "particleNet_TvsQCD", "particleNet_WvsQCD", "particleNet_ZvsQCD",
        "particleNet_mass",
    ),
}  # fmt: skip
"""Columns of the arrays (J, …) of jets."""


def count_entries(path: Path) -> int:
    """Return the number of jets of a file.

    Raises:
        UserError: the file cannot be read, or has another layout.
    """
    with _arrays(path) as arrays:
        return len(arrays["PFCands"])


def read(path: Path, request: Request) -> Iterator[JetBatch]:
    """Yield the jets of a file, `JETS_AT_ONCE` at a time.

    Raises:
        UserError: the file cannot be read or has another layout, or an option is not for it. Also if a code of a
            particle is none of CMS's.
    """
    refuse_options(request, "Aspen Open Jets")
    with _arrays(path) as arrays:
        for start in range(0, len(arrays["PFCands"]), JETS_AT_ONCE):
            piece = {name: piece_of(path, array, start, JETS_AT_ONCE) for name, array in arrays.items()}
            yield batch_of(piece, request.columns, path)


def batch_of(arrays: dict[str, NDArray[Any]], wanted: Sequence[str], path: Path) -> JetBatch:
    """Return the jets of the arrays of a file, with further columns."""
    jets = {name: column for key, names in SHAPES.items() for name, column in zip(names, arrays[key].T, strict=True)}
    unknown = [name for name in wanted if name not in SHAPES["jet_tagging"]]
    if unknown:
        raise UserError(f"--columns {' '.join(unknown)}: Aspen Open Jets has {', '.join(SHAPES['jet_tagging'])}")
    columns = {name: jets[name].astype(np.int64) for name in SHAPES["event_info"]}
    columns["jet_sdmass"] = np.maximum(jets["msoftdrop"], 0)
    columns |= {f"jet_tau{n}": jets[f"tau{n}"] for n in range(1, 5)} | {name: jets[name] for name in wanted}
    return JetBatch(
        number=len(jets["pt"]),
        constituents=candidates_of(arrays["PFCands"], path),
        file_jets=FileJets(jets["pt"], jets["eta"], jets["phi"], False, "jet_kinematics[:, 0]"),
        columns=columns,
        entries=len(jets["pt"]),
        notes=("four-momenta are multiplied by PUPPI weights",),
    )


def candidates_of(slots: NDArray[Any], path: Path) -> Constituents:
    """Return the candidates of slots (J, 150, 11), with PUPPI weights; slots without energy are empty.

    Raises:
        UserError: a code of a particle is none of CMS's.
    """
    jet, slot = np.nonzero(slots[..., CANDIDATE.index("energy")] > 0)
    values = dict(zip(CANDIDATE, slots[jet, slot].astype(np.float64).T, strict=True))
    charge, pdg_id = values["charge"].astype(np.int64), values["pdg_id"].astype(np.int64)
    kind = required_kinds(pdg_id, "PFCands[:, :, 9]", path)
    tracks = tracks_in_mm(
        {name: values[name] for name in ("d0", "d0_error", "dz", "dz_error")}, CM_TO_MM, -1, has_track=charge != 0
    )
    momenta = {name: values[name] * values["weight"] for name in ("px", "py", "pz", "energy")}
    return Constituents(jet, **momenta, charge=charge, kind=kind, tracks=tracks)


@contextmanager
def _arrays(path: Path) -> Iterator[dict[str, Any]]:
    """Open a file and give its arrays by name.

    Raises:
        UserError: the file cannot be read, or lacks arrays.
    """
    with open_arrays(path) as arrays:
        widths = {"PFCands": len(CANDIDATE), **{name: len(columns) for name, columns in SHAPES.items()}}
        wrong = [name for name, width in widths.items() if name not in arrays or arrays[name].shape[-1] != width]
        if wrong:
            raise UserError(f"{path} lacks {', '.join(wrong)} of Aspen Open Jets, or has other columns there; it has "
                            f"{', '.join(arrays) or 'no arrays'}")  # fmt: skip
        yield {name: arrays[name] for name in widths}
