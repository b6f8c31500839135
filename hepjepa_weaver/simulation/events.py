"""A batch of Pythia events as flat arrays: the stable particles, and the partons that a jet has to contain.

N is the number of particles of the batch. Momenta and energies in GeV, positions in mm.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEUTRINOS = (12, 14, 16)
RESONANCES = (6, 23, 24, 25)
# Jets end at |eta| = 2 + 0.8. Particles that start further out cannot enter them: they bend only in phi.
MAX_ABS_ETA = 3.0


@dataclass(frozen=True)
class Particles:
    """Particles of many events, each array (N,); `event` counts from 0 and never falls."""

    event: Ints
    pid: Ints
    charge: Floats
    px: Floats
    py: Floats
    pz: Floats
    energy: Floats
    x: Floats
    y: Floats
    z: Floats

    def __len__(self) -> int:
        return len(self.event)

    def __getitem__(self, index: Bools | Ints) -> "Particles":
        return Particles(*(getattr(self, field.name)[index] for field in fields(self)))

    @cached_property
    def pt(self) -> Floats:
        """Transverse momentum (N,) in GeV."""
        return np.hypot(self.px, self.py)

    @cached_property
    def eta(self) -> Floats:
        """Pseudorapidity (N,)."""
        return np.arcsinh(self.pz / self.pt)

    @cached_property
    def phi(self) -> Floats:
        """Azimuth (N,)."""
        return np.arctan2(self.py, self.px)


@dataclass(frozen=True)
class DecayProducts:
    """Quarks, gluons and charged leptons of the resonances' decays.

    Attributes:
        event: (N,), event of each product.
        group: (N,), 0 for the resonance or the top, 1 for the antitop.
        eta: (N,), pseudorapidity.
        phi: (N,), azimuth.
    """

    event: Ints
    group: Ints
    eta: Floats
    phi: Floats


@dataclass(frozen=True)
class FlatEvents:
    """All entries of the event records of a batch, end to end.

    Attributes:
        start: first entry of each event.
        event: event of each entry.
        record: awkward record array with Pythia's fields.
    """

    start: Ints
    event: Ints
    record: Any  # awkward record array with Pythia's fields, one entry per particle

    def field(self, name: str) -> NDArray[Any]:
        """Return a field of all entries."""
        return np.asarray(self.record[name])


def flatten(batch: Any) -> FlatEvents:
    """Join the event records of a batch, end to end."""
    layout = batch.prt.layout.to_ListOffsetArray64(start_at_zero=True)
    offsets = layout.offsets.data
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return FlatEvents(offsets[:-1], event, ak.Array(layout.content))


def stable_particles(events: FlatEvents, charge_of: Callable[[int], float]) -> Particles:
    """Return final particles other than neutrinos with |eta| < 3.

    Args:
        events: the event records.
        charge_of: gives the charge of a PDG code.
    """
    pid, momentum = events.field("id"), events.record.p
    final = np.flatnonzero((events.field("status") > 0) & ~np.isin(np.abs(pid), NEUTRINOS))
    px, py, pz, energy = (np.asarray(momentum[axis])[final] for axis in ("px", "py", "pz", "e"))
    pt = np.hypot(px, py)
    central = (np.abs(pz) < np.sinh(MAX_ABS_ETA) * pt) & (pt > 0)
    final = final[central]
    kinds, kind = np.unique(pid[final], return_inverse=True)
    charges = np.array([charge_of(int(code)) for code in kinds])
    x, y, z = production_vertex(events, final)
    return Particles(
        event=events.event[final],
        pid=pid[final].astype(np.int64),
        charge=charges[kind],
        px=px[central],
        py=py[central],
        pz=pz[central],
        energy=energy[central],
        x=x,
        y=y,
        z=z,
    )


def production_vertex(events: FlatEvents, index: Ints) -> tuple[Floats, Floats, Floats]:
    """Return x, y, z in mm of the entries `index`; Pythia leaves out the vertices at the origin."""
    vertices = events.record.vProd.layout
    place = vertices.index.data[index]
    has_vertex = place >= 0

    def component(axis: str) -> Floats:
        values = np.zeros(len(index))
        values[has_vertex] = vertices.content.content(axis).data[place[has_vertex]]
        return values

    return component("px"), component("py"), component("pz")


def decay_products(events: FlatEvents, is_pair: bool) -> DecayProducts:
    """Return the decay products of the resonances before any radiation; leptons after it, as in JetClass's matching.

    Args:
        events: the event records.
        is_pair: tell the products of a positive resonance from those of a negative one.
    """
    pid, status = events.field("id"), events.field("status")
    mother = events.field("mother1") + events.start[events.event]
    kind = np.abs(pid)
    is_lepton = (kind == 11) | (kind == 13)
    is_product = (np.abs(status) == 23) & ((kind <= 5) | (kind == 21) | is_lepton)
    is_product &= np.isin(np.abs(pid[mother]), RESONANCES)
    index = np.flatnonzero(is_product)
    group = (is_pair & (pid[mother[index]] < 0)).astype(np.int64)
    index[is_lepton[index]] = last_copy(events, index[is_lepton[index]])
    px, py, pz = (np.asarray(events.record.p[axis])[index] for axis in ("px", "py", "pz"))
    return DecayProducts(events.event[index], group, np.arcsinh(pz / np.hypot(px, py)), np.arctan2(py, px))


def last_copy(events: FlatEvents, index: Ints) -> Ints:
    """Follow entries down to their last copy, the one after all radiation."""
    pid, start = events.field("id"), events.start[events.event]
    index = index.copy()
    moved = np.ones(len(index), dtype=bool)
    while moved.any():
        moved[:] = False
        for name in ("daughter1", "daughter2"):
            daughter = events.field(name)[index]
            follows = ~moved & (daughter > 0) & (pid[start[index] + daughter] == pid[index])
            index[follows] = (start[index] + daughter)[follows]
            moved |= follows
    return index
