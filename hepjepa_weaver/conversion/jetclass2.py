"""JetClass-II (2405.12972): parquet files of jets in JetClass's schema, with one label of 188 classes.

Particles have GeV and mm already. Flags are booleans there, and charges integers. Shapes: J jets, C particles.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.constituents import KINDS, Constituents, Tracks
from hepjepa_weaver.conversion.event_tree import flat, plain, refuse_options, require_branches, sizes
from hepjepa_weaver.conversion.jet_batch import TRACKS, FileJets, JetBatch
from hepjepa_weaver.conversion.momenta import Axis
from hepjepa_weaver.conversion.request import Request
from hepjepa_weaver.datasets.parquet_files import count_jets, readable
from hepjepa_weaver.datasets.ragged import as_ragged

JETS_AT_ONCE = 10_000
D0_ERROR = "part_d0err"
FLAGS = tuple(f"part_is{kind}" for kind in KINDS)
PARTICLES = (*(f"part_{name}" for name in ("px", "py", "pz", "energy", "charge", *TRACKS)), *FLAGS)
JETS = ("jet_pt", "jet_eta", "jet_phi", "jet_energy")
ANGLE_LIMIT = 0.1
SHAPES = ("jet_sdmass", "jet_tau1", "jet_tau2", "jet_tau3", "jet_tau4")
LABEL = "jet_label"


def count_entries(path: Path) -> int:
    """Return the number of jets of a file.

    Raises:
        UserError: the file cannot be read.
    """
    return count_jets(path)


def read(path: Path, request: Request) -> Iterator[JetBatch]:
    """Yield the jets of a file, `JETS_AT_ONCE` at a time.

    Raises:
        UserError: the file cannot be read or lacks columns, an option is not for it, or a particle has no kind, or two.
    """
    refuse_options(request, "JetClass-II")
    with readable(path) as file:
        known = set(file.schema_arrow.names)
        columns = list(dict.fromkeys([*(name for name in (*SHAPES, LABEL) if name in known), *request.columns]))
        names = [*PARTICLES, *JETS, *columns]
        require_branches(path, [name for name in names if name not in known], "JetClass-II")
        for rows in file.iter_batches(JETS_AT_ONCE, columns=names):
            jets = as_ragged(ak.from_arrow(pa.Table.from_batches([rows])))
            axis = Axis(*(np.asarray(jets[name], np.float64) for name in JETS))
            yield JetBatch(
                number=len(jets),
                constituents=particles_of(jets, path),
                file_jets=FileJets(axis.pt, axis.eta, axis.phi, True, JETS[0], ANGLE_LIMIT),
                axis=axis,
                columns={name: _column(jets[name]) for name in columns},
                entries=len(jets),
            )


def particles_of(jets: Any, path: Path) -> Constituents:
    """Return the particles of J jets.

    Raises:
        UserError: a particle has no kind, or two.
    """
    flags = np.stack([flat(jets[name]) != 0 for name in FLAGS])
    if (flags.sum(axis=0) != 1).any():
        raise UserError(f"{path}: {int((flags.sum(axis=0) != 1).sum())} particles have no kind, or several: "
                        f"{', '.join(FLAGS)}")  # fmt: skip
    columns = {name: np.asarray(flat(jets[f"part_{name}"]), np.float64) for name in ("px", "py", "pz", "energy")}
    tracks = Tracks(**{own: np.asarray(flat(jets[f"part_{name}"]), np.float64) for name, own in TRACKS.items()})
    jet = np.repeat(np.arange(len(jets)), sizes(jets["part_px"]))
    return Constituents(jet, **columns, charge=flat(jets["part_charge"]), kind=flags.argmax(axis=0), tracks=tracks)


def _column(column: Any) -> Any:
    return plain(np.asarray(column)) if column.ndim == 1 else column
