"""Soft drop and N-subjettiness against plain implementations of their definitions."""

import numpy as np
import pytest

from hepjepa_weaver.simulation.matching import wrap
from hepjepa_weaver.simulation.substructure import substructure
from tests.helpers.hand_made import random_jets


def constituents(jets, k):
    """Four-momenta (n, 4): px, py, pz, energy."""
    first = int(np.sum(jets.counts[:k]))
    parts = jets.constituents
    return np.stack([parts.px, parts.py, parts.pz, parts.energy], axis=1)[first : first + jets.counts[k]]


def pt_y_phi(p):
    return np.hypot(p[..., 0], p[..., 1]), np.arctanh(p[..., 2] / p[..., 3]), np.arctan2(p[..., 1], p[..., 0])


def distance(a, b):
    (_, y1, phi1), (_, y2, phi2) = pt_y_phi(a), pt_y_phi(b)
    return np.hypot(y1 - y2, wrap(np.asarray(phi1 - phi2)))


def cluster(momenta, power, stop_at=1):
    """Sequential recombination (power 0: Cambridge/Aachen, 1: kT) into `stop_at` nodes (momentum, parents)."""
    nodes = [(p, None) for p in momenta]
    while len(nodes) > stop_at:
        pairs = [(i, j) for i in range(len(nodes)) for j in range(i)]
        i, j = min(pairs, key=lambda ij: measure(nodes[ij[0]][0], nodes[ij[1]][0], power))
        a, b = nodes.pop(i), nodes.pop(j)
        nodes.append((a[0] + b[0], (a, b)))
    return nodes


def measure(a, b, power):
    return min(pt_y_phi(a)[0], pt_y_phi(b)[0]) ** (2 * power) * distance(a, b) ** 2


def soft_drop_mass(momenta, z_cut=0.1):
    node = cluster(momenta, power=0)[0]
    while node[1] is not None:
        soft, hard = sorted(node[1], key=lambda parent: pt_y_phi(parent[0])[0])
        pt_soft, pt_hard = pt_y_phi(soft[0])[0], pt_y_phi(hard[0])[0]
        if pt_soft / (pt_soft + pt_hard) > z_cut:
            break
        node = hard
    p = node[0]
    return np.sqrt(max(p[3] ** 2 - np.sum(p[:3] ** 2), 0.0))


def tau(momenta, axes, r0=0.8):
    """N-subjettiness with the given axes (N, 2) in y and phi."""
    pt, y, phi = pt_y_phi(momenta)
    away = np.hypot(y[:, None] - axes[:, 0], wrap(phi[:, None] - axes[:, 1]))
    return np.sum(pt * away.min(axis=1)) / (np.sum(pt) * r0)


def kt_axes(momenta, n):
    nodes = cluster(momenta, power=1, stop_at=n)
    return np.array([pt_y_phi(node[0])[1:] for node in nodes])


def one_pass(momenta, axes, n_steps=500):
    """Move each axis to the weighted centre of its particles, weights pT / distance, until it stays."""
    pt, y, phi = pt_y_phi(momenta)
    for _ in range(n_steps):
        offset = np.stack([y[:, None] - axes[:, 0], wrap(phi[:, None] - axes[:, 1])], axis=-1)
        away = np.maximum(np.hypot(*np.moveaxis(offset, -1, 0)), 1e-9)
        mine = np.argmin(away, axis=1)
        step = np.zeros_like(axes)
        for k in range(len(axes)):
            weight = np.where(mine == k, pt / away[:, k], 0.0)
            step[k] = np.sum(weight[:, None] * offset[:, k], axis=0) / max(np.sum(weight), 1e-30)
        axes = axes + step
    return axes


def test_soft_drop_mass():
    jets = random_jets([1, 2, 3, 5, 12, 30, 30, 30], seed=4)
    found = substructure(jets).soft_drop_mass
    expected = [soft_drop_mass(constituents(jets, k)) for k in range(len(jets))]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    assert len({round(mass) for mass in expected}) > 4


@pytest.mark.parametrize("phi", [0.3, np.pi])
def test_n_subjettiness(phi):
    jets = random_jets([5, 12, 30, 30], seed=5, phi=phi)
    found = substructure(jets).tau
    for k in range(len(jets)):
        momenta = constituents(jets, k)
        for n in (1, 2, 3, 4):
            start = kt_axes(momenta, n)
            assert found[k, n - 1] <= tau(momenta, start) * (1 + 1e-6)
            assert found[k, n - 1] == pytest.approx(tau(momenta, one_pass(momenta, start)), rel=0.02)


def test_few_particles_are_resolved_exactly():
    found = substructure(random_jets([1, 2, 3])).tau
    for n_particles in (1, 2, 3):
        np.testing.assert_allclose(found[n_particles - 1, n_particles - 1 :], 0.0, atol=1e-6)
        assert (found[n_particles - 1, : n_particles - 1] > 1e-4).all()


def test_more_axes_never_give_more():
    found = substructure(random_jets([20] * 30, seed=6)).tau
    assert (np.diff(found, axis=1) <= 1e-9).mean() > 0.97  # the one-pass minimum is a local one
