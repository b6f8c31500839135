"""Particle-flow candidates, the constituents of jets."""

from dataclasses import dataclass, fields

import numpy as np

from hepjepa_weaver.simulation.events import Floats, Ints, Particles

PHOTON, NEUTRAL_HADRON = 22, 0


@dataclass(frozen=True)
class Candidates:
    """Particle-flow candidates in the order of their events; each array (C,), in GeV and mm.

    `pid` is 22 for photons, 0 for neutral hadrons and otherwise that of the track.
    """

    event: Ints
    pid: Ints
    charge: Floats
    px: Floats
    py: Floats
    pz: Floats
    energy: Floats
    d0: Floats
    d0_error: Floats
    dz: Floats
    dz_error: Floats

    def __getitem__(self, index: Ints) -> "Candidates":
        return Candidates(*(getattr(self, field.name)[index] for field in fields(self)))


def merge(parts: list[Candidates]) -> Candidates:
    """Join candidates, event by event."""
    joined = Candidates(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Candidates))
    )
    return joined[np.argsort(joined.event, kind="stable")]


def bare_candidates(particles: Particles) -> Candidates:
    """Return the particles themselves as candidates, for jets without a detector.

    Their impact parameters are not needed, and are 0.
    """
    nothing = np.zeros(len(particles))
    momentum = (particles.px, particles.py, particles.pz, particles.energy)
    return Candidates(particles.event, particles.pid, particles.charge, *momentum, nothing, nothing, nothing, nothing)
