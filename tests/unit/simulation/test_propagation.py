"""Paths in the solenoid against stepping along them."""

import numpy as np
import pytest

from hepjepa_weaver.simulation.propagation import (
    FIELD,
    HALF_LENGTH,
    RADIUS,
    helix_of,
    propagate_charged,
    propagate_neutral,
)
from hepjepa_weaver.simulation.randomness import detector_randomness
from hepjepa_weaver.simulation.simulation import simulate_detector
from tests.helpers.hand_made import NEUTRON, PHOTON, PION, particles


def step_along(particle, n_steps=200_000, step=0.05):
    """Positions (n, 3) in mm along the path, from the equation of motion."""
    curvature = 0.299792458e-3 * FIELD * particle.charge[0] / particle.pt[0]  # 1/mm, clockwise if positive
    length = step * np.arange(n_steps)
    phi = particle.phi[0] - curvature * length
    x = particle.x[0] + np.cumsum(np.cos(phi)) * step
    y = particle.y[0] + np.cumsum(np.sin(phi)) * step
    return np.stack([x, y, particle.z[0] + length * particle.pz[0] / particle.pt[0]], axis=1)


@pytest.mark.parametrize("pid", [PION, -PION])
@pytest.mark.parametrize("pt", [0.9, 2.0, 40.0])
@pytest.mark.parametrize("eta", [-1.9, 0.4])
def test_charged_particle_exits_where_stepping_says(pid, pt, eta):
    particle = particles(pid, pt, eta, phi=2.0, position=(3.0, -2.0, 10.0))
    surface = propagate_charged(helix_of(particle))
    path = step_along(particle)
    outside = (np.hypot(path[:, 0], path[:, 1]) > RADIUS) | (np.abs(path[:, 2]) > HALF_LENGTH)
    x, y, z = path[np.argmax(outside)]
    np.testing.assert_allclose(surface.phi, np.arctan2(y, x), atol=2e-3)
    np.testing.assert_allclose(surface.eta, np.arcsinh(z / np.hypot(x, y)), atol=2e-3)


def test_curling_particle_ends_in_the_endcap():
    surface = propagate_charged(helix_of(particles(PION, 0.4, 0.5)))
    assert np.abs(surface.eta) > 1.6  # tan(theta) < 1.29 / 3


@pytest.mark.parametrize("pid", [PION, -PION])
@pytest.mark.parametrize("position", [(1.0, 4.0, 20.0), (-30.0, 5.0, -7.0)])
def test_impact_parameters_are_those_of_the_closest_approach(pid, position):
    particle = particles(pid, 3.0, 0.8, phi=0.6, position=position)
    helix = helix_of(particle)
    forward = step_along(particle, 4000, 0.01)
    backward = step_along(particle, 4000, -0.01)
    path = np.concatenate([forward, backward])
    closest = path[np.argmin(np.hypot(path[:, 0], path[:, 1]))]
    np.testing.assert_allclose(np.abs(helix.d0), np.hypot(*closest[:2]), atol=0.02)
    np.testing.assert_allclose(helix.dz, closest[2], atol=0.02)


def test_sign_of_d0():
    """Positive if the beam line is to the left: a track along x that passes below it."""
    below = helix_of(particles(PION, 100.0, 0.0, position=(0.0, -1.0, 0.0)))
    above = helix_of(particles(PION, 100.0, 0.0, position=(0.0, 1.0, 0.0)))
    np.testing.assert_allclose([below.d0[0], above.d0[0]], [1.0, -1.0], rtol=1e-6)


def test_particle_from_the_beam_line_has_no_impact_parameter():
    helix = helix_of(particles([PION, -PION], [0.2, 500.0], [1.0, -2.0], [0.3, 3.0]))
    np.testing.assert_allclose([helix.d0, helix.dz], 0.0, atol=1e-6)


def test_neutral_particle_from_the_centre_keeps_its_direction():
    eta, phi = np.array([-2.9, -0.5, 0.0, 1.2]), np.array([-3.1, 0.2, 1.0, 3.0])
    surface = propagate_neutral(particles(PHOTON, 5.0, eta, phi))
    np.testing.assert_allclose(surface.eta, eta, atol=1e-12)
    np.testing.assert_allclose(surface.phi, phi, atol=1e-12)


def test_displaced_neutral_particle_ends_on_the_cylinder():
    surface = propagate_neutral(particles(NEUTRON, 5.0, 0.0, phi=0.0, position=(0.0, 600.0, 0.0)))
    np.testing.assert_allclose(np.sin(surface.phi), 600.0 / RADIUS)


@pytest.mark.parametrize("position", [(1300.0, 0.0, 0.0), (0.0, 0.0, -3100.0)])
def test_particles_from_outside_the_tracker_do_not_count(position):
    inside, outside = (
        particles([PHOTON, PION], 50.0, 0.1),
        particles([PHOTON, PION], 50.0, 0.1, position=position),
    )
    assert len(simulate_detector(inside, detector_randomness(np.random.SeedSequence(1))).event) == 2
    assert len(simulate_detector(outside, detector_randomness(np.random.SeedSequence(1))).event) == 0
