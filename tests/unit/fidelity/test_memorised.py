"""Copies of training jets are found, and jets that are none are not."""

import numpy as np
import pytest

from hepjepa_weaver.fidelity.memorised import NUM_LEADING, find_memory, leading_particles
from hepjepa_weaver.fidelity.particles import joined
from tests.helpers.toy_particles import jets_of, toy_jets


def test_leading_particles_are_sorted_and_padded():
    row = leading_particles(jets_of([(10, 0.1, 0.2), (30, -0.3, 0.4)], []))
    assert row.shape == (2, 3 * NUM_LEADING)
    assert row[0, :6].tolist() == [0.75, -0.3, 0.4, 0.25, 0.1, 0.2]
    assert not row[0, 6:].any()
    assert not row[1].any()


def test_more_than_the_leading_ones_are_cut():
    jet = [(float(pt), 0.0, 0.01 * pt) for pt in range(1, 31)]
    row = leading_particles(jets_of(jet)).reshape(NUM_LEADING, 3)
    assert row[0, 2] == pytest.approx(0.3)
    assert row[-1, 2] == pytest.approx(0.11)


def test_without_memory_half_is_nearer_to_training():
    found = find_memory(*(toy_jets(800, seed) for seed in (1, 2, 3)))
    assert found.nearer_to_training.value == pytest.approx(0.5, abs=4 * found.nearer_to_training.error)
    assert found.nearer_to_training.error >= 0.5 / np.sqrt(800)
    assert found.to_training == pytest.approx(found.to_test, rel=0.1)
    assert found.num_copies == 0
    assert (found.num_generated, found.num_neighbours) == (800, 800)


def test_error_of_the_fraction_is_the_scatter_of_repetitions():
    generated, pool = toy_jets(300, 1), toy_jets(600, 2)
    found = []
    for seed in range(40):
        order = np.random.default_rng(seed).permutation(600)
        found.append(find_memory(generated, pool[order[:300]], pool[order[300:]]).nearer_to_training)
    scatter = np.std([fraction.value for fraction in found])
    assert np.mean([fraction.error for fraction in found]) == pytest.approx(scatter, rel=0.3)


def test_copies_are_found():
    training, test = toy_jets(200, 2), toy_jets(200, 3)
    generated = joined([training[np.arange(50)], toy_jets(50, 4)])
    found = find_memory(generated, training, test)
    assert found.num_copies == 50
    assert found.nearer_to_training.value > 0.65
    assert found.to_training < found.to_test


def test_copies_are_looked_for_in_all_training_jets():
    training, test = toy_jets(200, 2), toy_jets(20, 3)
    assert find_memory(training[np.arange(30)], training, test).num_copies == 30
    few = training[np.arange(180, 200)]
    assert find_memory(training[np.arange(30)], few, test).num_copies == 0
    found = find_memory(training[np.arange(30)], few, test, pool=training)
    assert found.num_copies == 30
    assert found.num_neighbours == 20
