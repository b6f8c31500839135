"""Some jets of an input file, and their columns in JetClass's schema. Shapes: J jets, C particles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.conversion.constituents import KINDS, Bools, Constituents, Floats, Ints
from hepjepa_weaver.conversion.momenta import Axis, wrapped
from hepjepa_weaver.conversion.vertices import Vertices, vertex_columns

TRACKS = {"d0val": "d0", "d0err": "d0_error", "dzval": "dz", "dzerr": "dz_error"}
"""Columns of tracks in JetClass, and here."""
MOMENTA = ("px", "py", "pz", "energy")
JET_COLUMNS = ("jet_pt", "jet_eta", "jet_phi", "jet_energy", "jet_nparticles")
PARTICLE_COLUMNS = tuple(
    f"part_{name}" for name in (*MOMENTA, "deta", "dphi", *TRACKS, "charge", *(f"is{kind}" for kind in KINDS))
)


@dataclass(frozen=True)
class FileJets:
    """Momenta (J,) of jets as the file has them, to compare with the sums of their particles.

    Attributes:
        pt: GeV, without energy corrections where `is_raw`.
        eta: pseudorapidities.
        phi: azimuths.
        is_raw: whether the sum of the particles has to give pt.
        said_by: what pt was made of, for messages.
        angle_limit: largest median ΔR of the particles' sum. Delphes has towers seen from the origin, and jets from the
            vertex.
    """

    pt: Floats
    eta: Floats
    phi: Floats
    is_raw: bool
    said_by: str
    angle_limit: float = 0.01


@dataclass(frozen=True)
class JetBatch:
    """J jets of an input file.

    Attributes:
        number: J.
        constituents: their particles, in any order within a jet.
        file_jets: momenta that the file gives.
        axis: momenta to write; None for the sums of the particles.
        vertices: secondary vertices; None without them.
        columns: (J,) or ragged, further columns by name.
        entries: number of entries of the file that were read for this batch.
        notes: what else to tell about the file.
    """

    number: int
    constituents: Constituents
    file_jets: FileJets | None
    axis: Axis | None = None
    vertices: Vertices | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    entries: int = 0
    notes: tuple[str, ...] = ()


def jet_columns(axis: Axis, counts: Ints) -> dict[str, NDArray[Any]]:
    """Return jet_pt, jet_eta, jet_phi, jet_energy and jet_nparticles (J,)."""
    momenta = {f"jet_{name}": np.asarray(values, np.float32) for name, values in vars(axis).items()}
    return {**momenta, "jet_nparticles": counts.astype(np.float32)}


def particle_columns(parts: Constituents, axis: Axis) -> dict[str, NDArray[np.float32]]:
    """Return JetClass's columns (C,) of particles, those of tracks only where the file has them.

    part_deta is (η − η_jet)·sign(η_jet), as in JetClass.
    """
    eta, jet_eta = np.arcsinh(parts.pz / parts.pt()), axis.eta[parts.jet]
    columns = {
        **{name: getattr(parts, name) for name in MOMENTA},
        "deta": (eta - jet_eta) * np.where(jet_eta >= 0, 1, -1),
        "dphi": wrapped(np.arctan2(parts.py, parts.px) - axis.phi[parts.jet]),
    }
    if parts.tracks is not None:
        columns |= {name: getattr(parts.tracks, own) for name, own in TRACKS.items()}
    if parts.kind is not None:
        columns |= {"charge": parts.charge, **{f"is{kind}": parts.kind == place for place, kind in enumerate(KINDS)}}
    return {f"part_{name}": np.asarray(values, np.float32) for name, values in columns.items()}


def table_of(batch: JetBatch, parts: Constituents, axis: Axis, chosen: Bools) -> Any:
    """Return an awkward table of the `chosen` (J,) jets with at least one particle.

    Args:
        batch: the jets.
        parts: their particles with pT above 0, by falling pT.
        axis: their momenta.
        chosen: (J,), which of them to write.
    """
    counts = parts.counts(batch.number)
    chosen = chosen & (counts > 0)
    kept = parts.chosen(chosen[parts.jet])
    ragged = {name: ak.unflatten(values, counts[chosen]) for name, values in particle_columns(kept, axis).items()}
    flat = {name: values[chosen] for name, values in {**jet_columns(axis, counts), **batch.columns}.items()}
    if batch.vertices is not None:
        ragged |= vertex_columns(batch.vertices, axis, chosen)
    return ak.zip({**ragged, **flat}, depth_limit=1)
