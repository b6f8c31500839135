"""Cells and energy flow: what is measured beyond the tracks becomes a neutral particle, and only that."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepjepa_weaver.simulation.calorimeter import ECAL, HCAL, ecal_fraction, ecal_sigma, hcal_fraction, hcal_sigma
from hepjepa_weaver.simulation.particle_flow import Tracks, energy_flow, particle_flow
from hepjepa_weaver.simulation.propagation import Surface
from hepjepa_weaver.simulation.randomness import detector_randomness, log_normal
from tests.helpers.hand_made import ELECTRON, K0S, MUON, NEUTRON, PHOTON, PION, particles

# Calorimeters that measure exactly and have no threshold.
EXACT = {"sigma": lambda _eta, energy: 0.0 * energy, "threshold": 0.0, "significance": 0.0}
EXACT_ECAL, EXACT_HCAL = replace(ECAL, **EXACT), replace(HCAL, **EXACT)


def straight(parts):
    """Every particle hits the calorimeter where it was going."""
    return Surface(parts.eta, parts.phi)


def tracks_for(parts, chosen):
    chosen = np.asarray(chosen, dtype=np.int64)
    zero = np.zeros(len(chosen))
    return Tracks(chosen, parts.pt[chosen], zero + 0.1, zero + 0.01, zero, zero + 0.02)


def flow(calo, parts, tracked=()):
    tracks = tracks_for(parts, tracked)
    generators = np.random.default_rng(1), np.random.default_rng(2)
    return energy_flow(calo, parts, straight(parts), tracks, parts.energy[tracks.particle], generators)


@pytest.mark.parametrize("calo", [ECAL, HCAL])
@given(eta=st.floats(-4.99, 4.99), phi=st.floats(-np.pi, np.pi))
def test_a_cell_contains_the_directions_that_point_at_it(calo, eta, phi):
    cell, inside = calo.geometry.cell(np.array([eta]), np.array([phi]))
    eta_low, eta_width, phi_low, phi_width = calo.geometry.edges(cell)
    assert inside.all()
    assert 0 <= cell[0] < calo.geometry.n_cells
    assert -1e-9 <= eta - eta_low[0] <= eta_width[0] + 1e-9
    distance = (phi - phi_low[0] + 1e-9) % (2 * np.pi)
    assert distance <= phi_width[0] + 2e-9


def test_cell_sizes():
    degree = np.pi / 180
    for calo, eta, sizes in [
        (ECAL, 1.0, (0.0174, degree)),
        (ECAL, 2.9, (0.0174, degree)),
        (HCAL, -1.6, (0.087, 5 * degree)),
        (HCAL, 2.4, (0.178, 10 * degree)),
    ]:
        cell, _ = calo.geometry.cell(np.array([eta]), np.array([0.3]))
        _, eta_width, _, phi_width = calo.geometry.edges(cell)
        np.testing.assert_allclose([eta_width[0], phi_width[0]], sizes, rtol=1e-9)


def test_resolutions():
    assert ecal_sigma(np.array([0.0]), np.array([100.0]))[0] == pytest.approx(np.sqrt(0.8**2 + 1.21 + 0.16))
    assert ecal_sigma(np.array([2.0]), np.array([1.0]))[0] == pytest.approx(2.16 * np.sqrt(0.1722), rel=1e-3)
    assert hcal_sigma(np.array([1.0]), np.array([100.0]))[0] == pytest.approx(np.hypot(5.0, 15.0))


def test_shares_of_the_calorimeters():
    pid = np.array([PHOTON, ELECTRON, -ELECTRON, 111, K0S, 3122, PION, NEUTRON, MUON])
    np.testing.assert_allclose(ecal_fraction(pid), [1, 1, 1, 1, 0.3, 0.3, 0, 0, 0])
    np.testing.assert_allclose(hcal_fraction(pid), [0, 0, 0, 0, 0.7, 0.7, 1, 1, 0])


@given(seed=st.integers(0, 1000))
def test_exact_calorimeters_conserve_energy(seed):
    rng = np.random.default_rng(seed)
    n = 60
    parts = particles(
        rng.choice([PHOTON, NEUTRON, K0S], n),
        rng.exponential(5, n),
        rng.normal(0, 1, n),
        rng.uniform(-3, 3, n),
    )
    total = sum(flow(calo, parts).energy.sum() for calo in (EXACT_ECAL, EXACT_HCAL))
    assert total == pytest.approx(parts.energy.sum())


def test_neutral_energy_beside_a_track_becomes_a_neutral_particle():
    parts = particles([PION, NEUTRON], [20.0, 30.0], [0.04, 0.05])
    result = flow(EXACT_HCAL, parts, tracked=[0])
    np.testing.assert_allclose(result.energy, parts.energy[1])
    np.testing.assert_allclose(result.track_scale, 1.0)


def test_a_track_alone_leaves_no_neutral_particle():
    result = flow(EXACT_HCAL, particles(PION, 20.0, 0.04), tracked=[0])
    assert len(result.energy) == 0
    np.testing.assert_allclose(result.track_scale, 1.0)


def test_a_lost_track_leaves_a_neutral_hadron():
    parts = particles(PION, 20.0, 0.04)
    np.testing.assert_allclose(flow(EXACT_HCAL, parts).energy, parts.energy)


def test_a_cell_with_tracks_gives_the_energy_it_measured():
    """Either as tracks and a neutral hadron, or, if the excess is not significant, as tracks scaled to it."""
    n = 2000
    event = np.repeat(np.arange(n), 2)
    parts = particles(np.tile([PION, NEUTRON], n), np.tile([30.0, 10.0], n), 0.04, 0.05, event=event)
    result = flow(HCAL, parts, tracked=2 * np.arange(n))
    deposit = np.full(n, parts.energy[:2].sum())
    measured = log_normal(deposit, hcal_sigma(np.zeros(n), deposit), np.random.default_rng(1))
    sigma = hcal_sigma(np.zeros(n), measured)
    neutral = np.bincount(result.event, result.energy, n)
    np.testing.assert_allclose(neutral + result.track_scale * parts.energy[0], measured)
    is_significant = measured - parts.energy[0] > sigma
    np.testing.assert_array_equal(neutral > 0, is_significant)
    assert 0.1 < is_significant.mean() < 0.9


def test_tracks_in_cells_below_threshold_vanish():
    """HCal energies below one sigma, about 2.25 GeV, are not measured; their tracks go with them."""
    parts = particles(np.full(500, PION), 0.5, 0.04, 0.1, event=np.arange(500))
    found = particle_flow(
        parts,
        straight(parts),
        tracks_for(parts, np.arange(500)),
        detector_randomness(np.random.SeedSequence(3)),
    )
    assert len(np.unique(found.event)) < 40
    is_untouched = np.isclose(found.energy, parts.energy[0])
    has_neutral = np.isin(found.event, found.event[found.pid == 0])
    assert has_neutral[is_untouched].all()  # what fluctuated up instead
    assert found.energy[~is_untouched].min() > 1.0


def test_photon_is_measured_in_its_cell_and_muon_passes():
    parts = particles([PHOTON, MUON], [50.0, 30.0], [0.5, -0.5], [1.0, 2.0])
    found = particle_flow(
        parts, straight(parts), tracks_for(parts, [1]), detector_randomness(np.random.SeedSequence(3))
    )
    assert sorted(found.pid) == [MUON, PHOTON]
    photon = int(np.flatnonzero(found.pid == PHOTON)[0])
    eta = np.arcsinh(found.pz / np.hypot(found.px, found.py))
    assert abs(eta[photon] - 0.5) < 0.0174
    assert found.energy[photon] == pytest.approx(parts.energy[0], rel=0.1)
    assert found.d0[photon] == found.d0_error[photon] == found.dz[photon] == found.dz_error[photon] == 0
    np.testing.assert_allclose(found.energy[1 - photon], parts.energy[1])


def test_cells_of_different_events_are_apart():
    parts = particles([PION, NEUTRON], [20.0, 30.0], [0.04, 0.05], event=[0, 1])
    result = flow(EXACT_HCAL, parts, tracked=[0])
    np.testing.assert_array_equal(result.event, [1])
