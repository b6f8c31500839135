"""Divergences, Wasserstein distances and their errors against known values."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance as independent_distance

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.distances import (
    EXTRA_COUNT,
    NUM_BINS,
    distance,
    divergence_of_counts,
    draw_replicas,
    quantile_cuts,
    wasserstein_distance,
)
from hepjepa_weaver.fidelity.observables import Quantity
from hepjepa_weaver.fidelity.resampling import count_per_jet
from tests.helpers.toy_particles import one_a_jet

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal(4000)


def test_a_sample_is_at_no_distance_from_itself():
    found = distance(one_a_jet(NORMAL), one_a_jet(NORMAL))
    assert found.divergence.value == 0
    assert found.wasserstein.value == 0
    assert found.spread == pytest.approx(1, abs=0.05)


def test_divergence_of_counts_is_that_of_the_fractions():
    reference, sample = np.array([300.0, 100.0]), np.array([100.0, 300.0])
    p = (reference + EXTRA_COUNT) / 401
    assert divergence_of_counts(reference, sample) == pytest.approx((p[0] - p[1]) * np.log(p[0] / p[1]))


def test_an_empty_bin_gives_the_documented_value():
    n = 1000.0
    found = divergence_of_counts(np.array([n, 0.0]), np.array([0.0, n]))
    p = (n + 0.5) / (n + 1)
    assert found == pytest.approx((2 * p - 1) * np.log(2 * n + 1))


def test_divergence_of_two_normal_distributions():
    """KL of normal distributions of width 1 is shift² / 2; the bins lose little."""
    reference = np.random.default_rng(1).standard_normal(100_000)
    sample = np.random.default_rng(2).standard_normal(100_000) + 0.5
    assert distance(one_a_jet(sample), one_a_jet(reference)).divergence.value == pytest.approx(0.125, rel=0.03)


def test_equal_distributions_are_at_the_floor():
    n, drawn = 1000, []
    for seed in range(60):
        one, other = np.random.default_rng(seed).standard_normal((2, n))
        drawn.append(distance(one_a_jet(one), one_a_jet(other), draw_replicas(n, n, 2)).divergence.value)
    assert np.mean(drawn) == pytest.approx((NUM_BINS - 1) / n, rel=0.12)


def test_distance_of_a_shift_is_the_shift():
    found = distance(one_a_jet(2 * NORMAL + 0.7), one_a_jet(2 * NORMAL))
    assert found.wasserstein.value == pytest.approx(0.7)
    assert found.scaled_wasserstein.value == pytest.approx(0.7 / (2 * NORMAL.std()))


def test_wasserstein_distance_is_that_of_scipy():
    one, other = RNG.gamma(2, 1, 300), RNG.integers(0, 6, 500).astype(float)
    assert wasserstein_distance(one, other) == pytest.approx(independent_distance(one, other))


def test_error_of_a_distance_is_the_analytic_one():
    """A large shift is measured as well as the difference of two means."""
    one, other = np.random.default_rng(3).standard_normal((2, 2500))
    found = distance(one_a_jet(one + 5), one_a_jet(other), draw_replicas(2500, 2500, 400))
    assert found.wasserstein.error == pytest.approx(np.sqrt(2 / 2500), rel=0.15)


def scatter_and_error(width, n, repetitions=150):
    """Standard deviation of the divergence over repetitions, and the mean of its errors."""
    found = []
    for seed in range(repetitions):
        one, other = np.random.default_rng([seed, n]).standard_normal((2, n))
        found.append(distance(one_a_jet(one * width), one_a_jet(other), draw_replicas(n, n, 30, seed)).divergence)
    return np.std([of.value for of in found]), np.mean([of.error for of in found])


@pytest.mark.parametrize("width", [1.0, 1.2, 1.5])
def test_error_of_a_divergence_is_the_scatter_of_repetitions(width):
    scatter, error = scatter_and_error(width, 1000)
    assert error == pytest.approx(scatter, rel=0.3)


def test_error_at_the_floor_is_that_of_a_sum_of_squares():
    one, other = np.random.default_rng(8).standard_normal((2, 2000))
    error = distance(one_a_jet(one), one_a_jet(other), draw_replicas(2000, 2000, 1000)).divergence.error
    assert error == pytest.approx(np.sqrt(2 * (NUM_BINS - 1)) / 2000, rel=0.3)


def test_particles_are_resampled_by_jet():
    """Ten equal values per jet tell no more than one: the error is that of the jets."""
    values = np.random.default_rng(5).standard_normal(500)
    once, often = one_a_jet(values), Quantity(np.repeat(values, 10), np.repeat(np.arange(500), 10), 500)
    reference = one_a_jet(np.random.default_rng(6).standard_normal(500) + 3)
    replicas = draw_replicas(500, 500)
    single, repeated = (distance(sample, reference, replicas) for sample in (once, often))
    assert repeated.wasserstein.value == pytest.approx(single.wasserstein.value)
    assert repeated.wasserstein.error == pytest.approx(single.wasserstein.error, rel=0.05)


def test_bins_hold_equally_much_and_lose_nothing():
    cuts = quantile_cuts(NORMAL)
    counts = count_per_jet(one_a_jet(NORMAL), cuts)
    assert len(cuts) == NUM_BINS - 1
    assert counts.sum() == len(NORMAL)
    assert np.ptp(counts.sum(axis=0)) <= 6
    far = count_per_jet(one_a_jet([-1e9, 1e9]), cuts)
    assert far.sum() == 2


def test_whole_numbers_and_constants():
    numbers = RNG.integers(0, 4, 1000).astype(float)
    assert quantile_cuts(numbers).tolist() == [0, 1, 2, 3]
    other = distance(one_a_jet(np.minimum(numbers + 1, 3)), one_a_jet(numbers))
    assert other.divergence.value > 0.5
    constant = distance(one_a_jet(np.ones(10)), one_a_jet(np.ones(10)))
    assert constant.divergence.value == 0
    assert constant.wasserstein == Measurement(0.0, 0.0)
    assert constant.scaled_wasserstein.value is None
    for other in (0.0, 30.0):
        assert distance(one_a_jet(np.full(10, other)), one_a_jet(np.ones(10))).divergence.value > 1


def test_without_values_nothing_is_defined():
    nothing = Quantity(np.zeros(0), np.zeros(0, np.int64), 5)
    found = distance(nothing, one_a_jet([1.0, 2.0]))
    assert found.divergence.value is None
    assert found.wasserstein.value is None
    assert found.scaled_wasserstein.value is None


def test_few_values_have_an_error_all_the_same():
    """Most replicas of one value among many jets lack it; they are left out."""
    rare = Quantity(np.array([1.0]), np.array([3]), 50)
    assert distance(rare, one_a_jet(NORMAL[:50])).wasserstein.error is not None
