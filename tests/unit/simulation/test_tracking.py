"""Tracks: efficiency, resolution, impact parameters."""

import numpy as np
import pytest

from hepjepa_weaver.simulation.propagation import Surface, helix_of, propagate_charged
from hepjepa_weaver.simulation.randomness import detector_randomness
from hepjepa_weaver.simulation.tracking import efficiency, find_tracks, impact_resolution, momentum_resolution
from tests.helpers.hand_made import ELECTRON, MUON, PION, particles


@pytest.mark.parametrize(
    ("pid", "pt", "eta", "expected"),
    [
        (PION, 0.09, 0.0, 0.0),
        (PION, 50.0, 2.51, 0.0),
        (PION, 0.5, -1.0, 0.70),
        (PION, 0.5, -2.0, 0.60),
        (PION, 5.0, 1.0, 0.95),
        (PION, 5.0, 2.0, 0.85),
        (ELECTRON, 0.5, 0.0, 0.73),
        (-ELECTRON, 50.0, 2.0, 0.83),
        (ELECTRON, 150.0, 1.0, 0.99),
        (MUON, 0.5, 2.0, 0.70),
        (-MUON, 5.0, 0.0, 0.99),
    ],
)
def test_efficiency(pid, pt, eta, expected):
    assert efficiency(particles(pid, pt, eta))[0] == expected


@pytest.mark.parametrize(
    ("pid", "pt", "eta", "expected"),
    [
        (PION, 10.0, 0.2, np.hypot(0.06, 0.013)),
        (PION, 100.0, -1.0, np.hypot(0.10, 0.17)),
        (PION, 900.0, 2.4, 1.0),  # never more than 1
        (ELECTRON, 10.0, 1.0, np.hypot(0.05, 0.017)),
        (MUON, 100.0, -2.0, np.hypot(0.025, 0.035)),
    ],
)
def test_momentum_resolution(pid, pt, eta, expected):
    np.testing.assert_allclose(momentum_resolution(particles(pid, pt, eta)), expected)


def test_impact_resolution_is_looked_up_in_the_table():
    pt = np.array([0.2, 1.0, 1.0, 500.0, 0.1, 5.0])
    eta = np.array([0.5, -0.5, 1.0, -0.1, 0.1, 2.6])
    d0, dz = impact_resolution(pt, eta)
    np.testing.assert_allclose(d0, [0.3543, 0.0753, 0.0926, 0.0110, 0.0, 0.0])
    np.testing.assert_allclose(dz, [0.3693, 0.1113, 0.1982, 0.0318, 0.0, 0.0])


def tracks_of(n, pt=20.0, **kwargs):
    charged = particles(np.full(n, PION), pt, 0.4, 1.0, **kwargs)
    helix = helix_of(charged)
    return find_tracks(charged, helix, propagate_charged(helix), detector_randomness(np.random.SeedSequence(1)))


def test_tracks_have_the_stated_efficiency_and_resolution():
    tracks = tracks_of(20_000, position=(0.0, -3.0, 5.0))
    assert len(tracks.pt) / 20_000 == pytest.approx(0.95, abs=0.01)
    assert tracks.pt.mean() == pytest.approx(20.0, rel=0.005)
    assert tracks.pt.std() / 20.0 == pytest.approx(np.hypot(0.06, 0.026), rel=0.05)
    true_d0 = helix_of(particles(PION, 20.0, 0.4, 1.0, position=(0.0, -3.0, 5.0))).d0
    pull = (tracks.d0 - true_d0) / tracks.d0_error
    assert pull.mean() == pytest.approx(0.0, abs=0.05)
    assert pull.std() == pytest.approx(1.0, abs=0.05)


def test_tracks_that_leave_along_the_beam_are_lost():
    """A curling particle that reaches the endcap within 4 cm of the beam line."""
    charged = particles(np.full(100, PION), 0.15, 0.4, np.linspace(-3, 3, 100))
    helix = helix_of(charged)
    random = detector_randomness(np.random.SeedSequence(1))
    along_beam = Surface(np.full(100, 5.1), charged.phi)
    assert len(find_tracks(charged, helix, along_beam, random).pt) == 0
    assert len(find_tracks(charged, helix, propagate_charged(helix), random).pt) > 50
