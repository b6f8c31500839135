"""Paths in the solenoid: where a particle meets the calorimeter, and how close it passes to the beam line.

A charged particle moves on a helix. In the transverse plane this is a circle around c with signed radius r = pT / (0.3
q B). The radius is positive for positive charge, which turns clockwise. A neutral particle moves straight. Lengths in
mm, momenta in GeV. The conventions are those of Delphes's ParticlePropagator.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hepjepa_weaver.simulation.events import Bools, Floats, Ints, Particles

FIELD = 3.8  # T
RADIUS, HALF_LENGTH = 1290.0, 3000.0  # mm, of the tracker
MM_PER_GEV = 1e3 / (0.299792458 * FIELD)  # radius of curvature of 1 GeV of transverse momentum


@dataclass(frozen=True)
class Surface:
    """Directions, seen from the centre, in which particles leave the tracker; each array (N,)."""

    eta: Floats
    phi: Floats


def concatenate(first: Surface, second: Surface) -> Surface:
    """Join the directions of two sets of particles."""
    return Surface(np.concatenate([first.eta, second.eta]), np.concatenate([first.phi, second.phi]))


@dataclass(frozen=True)
class Helix:
    """Paths of charged particles.

    Attributes:
        particles: the particles.
        radius: signed radius of the circle.
        along: start, relative to the beam line, along the initial transverse direction.
        across: start, relative to the beam line, to the right of that direction.
    """

    particles: Particles
    radius: Floats
    along: Floats
    across: Floats

    def __getitem__(self, index: Bools | Ints) -> "Helix":
        return Helix(self.particles[index], self.radius[index], self.along[index], self.across[index])

    @cached_property
    def center_distance(self) -> Floats:
        """Distance |c| of the axis of the helix from the beam line."""
        return np.hypot(self.along, self.radius + self.across)

    @cached_property
    def d0(self) -> Floats:
        """Transverse impact parameter in mm, positive if the beam line lies to the left of the track there."""
        return np.sign(self.radius) * (self.center_distance - np.abs(self.radius))

    @cached_property
    def dz(self) -> Floats:
        """Longitudinal impact parameter in mm: z at the closest approach to the beam line."""
        turn: Floats = np.arctan2(self.along, np.sign(self.radius) * (self.radius + self.across))
        slope = self.particles.pz / self.particles.pt
        return self.particles.z - np.abs(self.radius) * turn * slope


def helix_of(particles: Particles) -> Helix:
    """Return the paths of charged particles."""
    cos, sin = particles.px / particles.pt, particles.py / particles.pt
    radius = particles.pt / particles.charge * MM_PER_GEV
    return Helix(particles, radius, particles.x * cos + particles.y * sin, particles.x * sin - particles.y * cos)


def starts_inside(particles: Particles) -> Bools:
    """Tell which particles (N,) start inside the tracker."""
    return (np.hypot(particles.x, particles.y) < RADIUS) & (np.abs(particles.z) < HALF_LENGTH)


def length_to_endcap(particles: Particles) -> Floats:
    """Return the transverse path length to the plane |z| = 3 m; infinite for pz = 0."""
    reach = np.copysign(HALF_LENGTH, particles.pz) - particles.z
    slope = particles.pz / particles.pt
    length: Floats = np.divide(reach, slope, out=np.full(len(particles), np.inf), where=slope != 0)
    return length


def propagate_charged(helix: Helix) -> Surface:
    """Return the directions in which charged particles leave the tracker."""
    particles, radius, center = helix.particles, helix.radius, helix.center_distance
    # |position|^2 = c^2 + r^2 + 2 r c sin(theta), where theta grows by path / r.
    sin_exit = (RADIUS**2 - center**2 - radius**2) / (2 * radius * center)
    cos, sin = particles.px / particles.pt, particles.py / particles.pt
    center_x, center_y = particles.x + radius * sin, particles.y - radius * cos
    theta = np.arctan2(center_y, center_x) - particles.phi
    crosses = np.abs(sin_exit) <= 1
    turn = np.sign(radius) * (np.arcsin(np.clip(sin_exit, -1, 1)) - theta) % (2 * np.pi)
    length = np.where(crosses, np.abs(radius) * turn, np.inf)
    length = np.minimum(length, length_to_endcap(particles))
    angle = particles.phi - length / radius
    x, y = center_x - radius * np.sin(angle), center_y + radius * np.cos(angle)
    z = particles.z + length * particles.pz / particles.pt
    return Surface(np.arcsinh(z / np.hypot(x, y)), np.arctan2(y, x))


def propagate_neutral(particles: Particles) -> Surface:
    """Return the directions in which neutral particles leave the tracker."""
    cos, sin = particles.px / particles.pt, particles.py / particles.pt
    along = particles.x * cos + particles.y * sin
    across = particles.x * sin - particles.y * cos
    length = np.minimum(np.sqrt(RADIUS**2 - across**2) - along, length_to_endcap(particles))
    x, y = particles.x + length * cos, particles.y + length * sin
    z = particles.z + length * particles.pz / particles.pt
    return Surface(np.arcsinh(z / np.hypot(x, y)), np.arctan2(y, x))
