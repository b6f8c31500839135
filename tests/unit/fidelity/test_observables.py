"""Observables of jets against values by hand and a plain formula."""

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.fidelity.observables import (
    D2,
    ETA,
    JET_OBSERVABLES,
    MASS,
    MULTIPLICITY,
    OBSERVABLES,
    PARTICLE_PT,
    PHI,
    PT,
    TAU21,
    TAU32,
    observe,
)
from hepjepa_weaver.fidelity.particles import JetParticles
from tests.helpers.toy_particles import jets_of, toy_jets

pytest.importorskip("fastjet", reason="observables need the extra 'jets'")
SUBSTRUCTURE = (TAU21, TAU32, D2)


def direct_d2(pt, eta, phi):
    z, n = pt / pt.sum(), len(pt)
    away = np.hypot(eta[:, None] - eta, phi[:, None] - phi)
    e2 = sum(z[i] * z[j] * away[i, j] for i in range(n) for j in range(i))
    e3 = sum(
        z[i] * z[j] * z[k] * away[i, j] * away[i, k] * away[j, k] for i in range(n) for j in range(i) for k in range(j)
    )
    return e3 / e2**3


def test_one_particle():
    found = observe(jets_of([(50, 0.1, -0.2)])).by_jet
    assert found[PT][0] == pytest.approx(50)
    assert found[ETA][0] == pytest.approx(0.1)
    assert found[PHI][0] == pytest.approx(-0.2)
    assert found[MASS][0] == pytest.approx(0, abs=1e-4)
    assert found[MULTIPLICITY][0] == 1
    assert all(np.isnan(found[name][0]) for name in SUBSTRUCTURE)


def test_two_particles():
    """Mass squared of massless particles: 2 pT1 pT2 (cosh Δη - cos Δφ)."""
    found = observe(jets_of([(60, 0.1, 0.0), (40, -0.2, 0.3)])).by_jet
    assert found[MASS][0] == pytest.approx(np.sqrt(2 * 60 * 40 * (np.cosh(0.3) - np.cos(0.3))))
    px, py = 60 + 40 * np.cos(0.3), 40 * np.sin(0.3)
    assert found[PT][0] == pytest.approx(np.hypot(px, py))
    assert found[PHI][0] == pytest.approx(np.arctan2(py, px))
    assert found[ETA][0] == pytest.approx(np.arcsinh((60 * np.sinh(0.1) - 40 * np.sinh(0.2)) / np.hypot(px, py)))
    assert all(np.isnan(found[name][0]) for name in SUBSTRUCTURE)


def test_three_particles():
    """Three equal particles at the corners of a triangle of side 0.1: the third axis leaves nothing over."""
    corners = [(10, 0, 0), (10, 0.1, 0), (10, 0.05, 0.1 * np.sqrt(3) / 2)]
    found = observe(jets_of(corners)).by_jet
    third = 1 / 3
    assert found[D2][0] == pytest.approx(third**3 * 0.1**3 / (3 * third**2 * 0.1) ** 3, rel=1e-6)
    assert found[TAU32][0] == pytest.approx(0, abs=1e-6)
    centre_to_corner = 0.1 / np.sqrt(3)
    # Two axes: one on a particle, one midway between the two others, each 0.05 away.
    assert found[TAU21][0] == pytest.approx(2 * 0.05 / (3 * centre_to_corner), rel=0.01)


def test_d2_is_the_plain_formula():
    jets = toy_jets(12, seed=3)
    found = observe(jets)[D2]
    pt, eta, phi = (jets.ragged(values) for values in (jets.pt, jets.deta, jets.dphi))
    expected = [direct_d2(*(ak.to_numpy(of[k]) for of in (pt, eta, phi))) for k in range(12)]
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)


def test_order_of_particles_does_not_matter():
    jets = toy_jets(40, seed=1)
    rng = np.random.default_rng(0)
    order = np.lexsort((rng.random(len(jets.pt)), jets.owner))
    shuffled = JetParticles(jets.counts, jets.pt[order], jets.deta[order], jets.dphi[order], jets.label)
    for name, values in observe(jets).by_jet.items():
        np.testing.assert_allclose(observe(shuffled).by_jet[name], values, rtol=1e-6, atol=1e-6)


def test_particles_without_momentum_count_in_the_multiplicity_alone():
    three = [(10.0, 0.0, 0.0), (20.0, 0.1, 0.1), (5.0, -0.1, 0.2)]
    plain, more, two = jets_of(three), jets_of([*three, (0.0, 0.3, 0.3)]), jets_of([*three[:2], (0.0, 0.0, 0.0)])
    for name in JET_OBSERVABLES:
        added = 1 if name == MULTIPLICITY else 0
        assert observe(more).by_jet[name][0] == pytest.approx(observe(plain).by_jet[name][0] + added)
    assert all(np.isnan(observe(two).by_jet[name][0]) for name in SUBSTRUCTURE)


def test_empty_jets_and_particles_in_one_place():
    found = observe(jets_of([], [(1, 0, 0)] * 3, [(2, 0.1, 0.1)]))
    assert found.by_jet[PT].tolist() == pytest.approx([0, 3, 2 * 1], abs=1e-9)
    assert found[ETA].owner.tolist() == [1, 2]
    assert found[MULTIPLICITY].values.tolist() == [0, 3, 1]
    assert not len(found[TAU21].values)
    assert not len(found[D2].values)
    assert found[PARTICLE_PT].owner.tolist() == [1, 1, 1, 2]
    assert not len(observe(jets_of())[PT].values)


def test_every_observable_is_finite_and_of_the_jets():
    jets = toy_jets(50)
    observed = observe(jets)
    some = observed.chosen(np.array([4, 2]))
    for name in OBSERVABLES:
        quantity = observed[name]
        assert np.isfinite(quantity.values).all()
        assert len(quantity.values) == len(quantity.owner) > 40
        of_four = quantity.values[quantity.owner == 4]
        assert (some[name].values[some[name].owner == 0] == of_four).all()
