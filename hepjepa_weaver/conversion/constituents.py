"""Particles of jets as every reader gives them, whatever the file: in GeV, mm and JetClass's conventions.

Shapes: J jets, C particles, all jets end to end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

KINDS = ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon")
"""Kinds of particles: one flag `part_is…` of JetClass each."""
CHARGED_HADRON, NEUTRAL_HADRON, PHOTON, ELECTRON, MUON = range(5)
LEPTONS = {11: ELECTRON, 13: MUON}


@dataclass(frozen=True)
class Tracks:
    """Impact parameters (C,) in mm, all 0 without a track.

    d0 has the sign of x·py − y·px at the point of closest approach, as in JetClass. dz is relative to the primary
    vertex.
    """

    d0: Floats
    d0_error: Floats
    dz: Floats
    dz_error: Floats

    def has_track(self) -> Bools:
        """Tell which particles (C,) have a track."""
        return np.asarray(self.d0_error > 0)


@dataclass(frozen=True)
class Constituents:
    """Particles of J jets.

    Attributes:
        jet: (C,), the jet of each particle, from 0 to J - 1, ascending.
        px: (C,), GeV.
        py: (C,), GeV.
        pz: (C,), GeV.
        energy: (C,), GeV.
        charge: (C,); None where the file has no types.
        kind: (C,), place in KINDS; None where the file has no types.
        tracks: impact parameters; None where the file has none of them.
    """

    jet: Ints
    px: Floats
    py: Floats
    pz: Floats
    energy: Floats
    charge: Ints | None
    kind: Ints | None
    tracks: Tracks | None

    def pt(self) -> Floats:
        """Return the transverse momenta (C,) in GeV."""
        return np.asarray(np.hypot(self.px, self.py))

    def counts(self, number: int) -> Ints:
        """Return the number of particles (J,) of each of `number` jets."""
        return np.bincount(self.jet, minlength=number)

    def chosen(self, which: Any) -> "Constituents":
        """Return the particles that an index or a mask (C,) chooses."""
        own = {name: value[which] for name, value in vars(self).items() if name != "tracks" and value is not None}
        tracks = self.tracks and Tracks(**{name: value[which] for name, value in vars(self.tracks).items()})
        return replace(self, **own, tracks=tracks)

    def by_falling_pt(self) -> "Constituents":
        """Return the particles with pT above 0, those of each jet by falling pT."""
        pt = self.pt()
        order = np.lexsort((-pt, self.jet))
        return self.chosen(order[pt[order] > 0])

    def sums(self, number: int) -> dict[str, Floats]:
        """Return px, py, pz and energy (J,) of each of `number` jets: the sums of their particles."""
        names = ("px", "py", "pz", "energy")
        return {name: np.bincount(self.jet, getattr(self, name), number).astype(np.float64) for name in names}


def massive(pt: Floats, eta: Floats, phi: Floats, mass: Floats) -> dict[str, Floats]:
    """Return px, py, pz and energy (C,); a negative mass, which is rounding, counts as 0."""
    pt, eta, phi, mass = (np.asarray(values, np.float64) for values in (pt, eta, phi, mass))
    pz = pt * np.sinh(eta)
    energy = np.sqrt(pt**2 + pz**2 + np.maximum(mass, 0) ** 2)
    return {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pz, "energy": energy}


def tracks_in_mm(columns: Mapping[str, Floats], millimetres: float, d0_sign: int, has_track: Bools) -> Tracks:
    """Return tracks from columns d0, d0_error, dz and dz_error (C,), with 0 where there is none.

    Args:
        columns: the impact parameters by name.
        millimetres: the columns' unit of length in mm.
        d0_sign: -1 where d0 is −(x·py − y·px)/pT, as in CMS.
        has_track: (C,), in addition to an error above 0.
    """
    is_finite = np.all([np.isfinite(values) for values in columns.values()], axis=0)
    measured = has_track & is_finite & (columns["d0_error"] > 0) & (columns["dz_error"] > 0)
    signs = {"d0": d0_sign, "d0_error": 1, "dz": 1, "dz_error": 1}
    return Tracks(**{
        name: np.where(measured, np.asarray(columns[name], np.float64) * millimetres * sign, 0.0)
        for name, sign in signs.items()
    })  # fmt: skip


def kinds_by_charge(pdg_id: Ints, charge: Ints) -> Ints:
    """Return the kinds (C,) of particles with their true PDG codes: hadrons are told apart by their charge."""
    code = np.abs(pdg_id)
    kinds = np.where(np.asarray(charge) != 0, CHARGED_HADRON, NEUTRAL_HADRON)
    kinds[(code == 22) & (np.asarray(charge) == 0)] = PHOTON
    for value, kind in LEPTONS.items():
        kinds[code == value] = kind
    return kinds
