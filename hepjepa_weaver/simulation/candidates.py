"""Particle-flow candidates: what jets are made of."""

from dataclasses import dataclass, fields

import numpy as np

from hepjepa_weaver.simulation.events import Floats, Ints, Particles

PHOTON, NEUTRAL_HADRON = 22, 0


@dataclass(frozen=True)
class Candidates:
    """Particle-flow candidates in the order of their events; each array (C,).

    pid: 22 for photons, 0 for neutral hadrons, otherwise the track's; GeV and mm.
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
    """All candidates, event by event."""
    joined = Candidates(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Candidates))
    )
    return joined[np.argsort(joined.event, kind="stable")]


def bare_candidates(particles: Particles) -> Candidates:
    """The particles themselves, for jets without a detector; their impact parameters are not needed and 0."""
    nothing = np.zeros(len(particles))
    momentum = (particles.px, particles.py, particles.pz, particles.energy)
    return Candidates(particles.event, particles.pid, particles.charge, *momentum, nothing, nothing, nothing, nothing)
