"""Distances between the distributions of an observable in a sample and in a reference, with bootstrap errors.

Kullback-Leibler divergence: KL(reference ‖ sample) = Σ p log(p / q), in nats. The fractions of the reference, p, and of
the sample, q, are those in bins that hold equally much of the reference. As in OmniJet-α (arXiv:2403.05618) there are
50 bins between the quantiles 0.001 and 0.999. Here the outer bins are open, so that no value is left out. Each bin of
either sample gets half a count more: an empty bin gives a finite value. Two samples of N jets from one distribution
have about (B - 1) / N on average, not 0. Compare with that floor.

Wasserstein-1 distance: the mean distance by which values have to move, ∫ |F - G| of the two cumulative distributions.

Shapes: N jets, V values, B bins, R replicas.
"""

import math
from dataclasses import dataclass

import numpy as np

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.observables import Quantity
from hepjepa_weaver.fidelity.particles import Floats
from hepjepa_weaver.fidelity.resampling import REPLICAS, count_per_jet, draw_weights, with_error

NUM_BINS = 50
OUTER_QUANTILES = (0.001, 0.999)
EXTRA_COUNT = 0.5
"""Added to every bin, so that an empty one gives a finite divergence."""
NUM_STEPS = 200
"""Steps of the cumulative distributions in the bootstrap of the Wasserstein distance."""


@dataclass(frozen=True)
class Distance:
    """Distance of a sample to a reference in one observable.

    Attributes:
        divergence: Kullback-Leibler divergence in nats.
        wasserstein: Wasserstein-1 distance in the unit of the observable.
        spread: standard deviation of the reference.
    """

    divergence: Measurement
    wasserstein: Measurement
    spread: float

    @property
    def scaled_wasserstein(self) -> Measurement:
        """Wasserstein-1 distance in standard deviations of the reference; undefined if that is 0."""
        value, error = self.wasserstein.value, self.wasserstein.error
        if value is None or not self.spread > 0:
            return Measurement(None, None)
        return Measurement(value / self.spread, None if error is None else error / self.spread)


@dataclass(frozen=True)
class Replicas:
    """How often each replica has each jet of a sample (R, N) and of a reference (R, M)."""

    sample: Floats
    reference: Floats


def draw_replicas(num_sample: int, num_reference: int, replicas: int = REPLICAS, seed: int = 0) -> Replicas:
    """Draw replicas of a sample of N jets and of a reference of M jets, independently."""
    return Replicas(draw_weights(num_sample, replicas, 2 * seed), draw_weights(num_reference, replicas, 2 * seed + 1))


def distance(sample: Quantity, reference: Quantity, replicas: Replicas | None = None) -> Distance:
    """Measure the distance of a sample to a reference in one observable.

    Values of either are undefined if it has none. Bins and steps stay the same in all replicas.

    Args:
        sample: the observable in the sample.
        reference: the observable in the reference.
        replicas: replicas of the jets, to share them between observables. None draws `REPLICAS` new ones.
    """
    if not len(sample.values) or not len(reference.values):
        return Distance(Measurement(None, None), Measurement(None, None), float("nan"))
    drawn = replicas or draw_replicas(sample.num_jets, reference.num_jets)
    spread = float(np.std(reference.values))
    return Distance(_divergence(sample, reference, drawn), _wasserstein(sample, reference, drawn), spread)


def quantile_cuts(reference: Floats) -> Floats:
    """Return the ascending cuts (at most B - 1) between bins that hold equally much of the reference (V,).

    Values that occur often, as in whole numbers, make cuts coincide: there are fewer bins then. A constant has a bin of
    its own, between those for what lies below and above.
    """
    cuts = np.unique(np.quantile(reference, np.linspace(*OUTER_QUANTILES, NUM_BINS + 1)[1:-1], method="inverted_cdf"))
    return cuts if len(cuts) > 1 else np.append(cuts, np.nextafter(cuts, np.inf))


def divergence_of_counts(reference: Floats, sample: Floats) -> Floats:
    """Return KL(reference ‖ sample) (…) of counts (…, B), in nats."""
    p, q = (counts + EXTRA_COUNT for counts in (reference, sample))
    p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
    return np.asarray(np.sum(p * np.log(p / q), axis=-1), np.float64)


def wasserstein_distance(sample: Floats, reference: Floats) -> float:
    """Return the Wasserstein-1 distance of values (V,) and (W,), in their unit."""
    steps = np.sort(np.concatenate([sample, reference]))
    below = [np.searchsorted(np.sort(values), steps[:-1], "right") / len(values) for values in (sample, reference)]
    return float(np.sum(np.abs(below[0] - below[1]) * np.diff(steps)))


def _divergence(sample: Quantity, reference: Quantity, replicas: Replicas) -> Measurement:
    cuts = quantile_cuts(reference.values)
    of_reference, of_sample = count_per_jet(reference, cuts), count_per_jet(sample, cuts)
    value = float(divergence_of_counts(of_reference.sum(axis=0), of_sample.sum(axis=0)))
    drawn = divergence_of_counts(replicas.reference @ of_reference, replicas.sample @ of_sample)
    return Measurement(value, _error_of_divergence(value, drawn, len(cuts)))


def _error_of_divergence(value: float, drawn: Floats, freedom: int) -> float:
    """Return the standard deviation of a divergence from that of its replicas (R,), given B - 1 degrees of freedom.

    Near 0 a divergence is a sum of squares of B - 1 random numbers. A replica adds fluctuations of its own to those of
    the samples. This raises the mean by the bias b, and the variance by 4 b² / (B - 1), which is taken off again. What
    remains is at least the variance for equal distributions, 2 b² / (B - 1).
    """
    of_squares = float(np.mean(drawn) - value) ** 2 / max(freedom, 1)
    return math.sqrt(max(float(np.var(drawn)) - 4 * of_squares, 2 * of_squares))


def _wasserstein(sample: Quantity, reference: Quantity, replicas: Replicas) -> Measurement:
    """Return the distance of all values; in the replicas the distributions are known at `NUM_STEPS` steps alone."""
    value = wasserstein_distance(sample.values, reference.values)
    steps = np.unique(np.quantile(np.concatenate([sample.values, reference.values]), np.linspace(0, 1, NUM_STEPS + 1)))
    if len(steps) < 2:
        return Measurement(value, 0.0)
    cumulated = [
        _cumulated(weights @ count_per_jet(quantity, steps[1:-1]))
        for weights, quantity in ((replicas.sample, sample), (replicas.reference, reference))
    ]
    heights = np.abs(cumulated[0] - cumulated[1])
    # Between two steps the distributions are taken as straight lines.
    drawn = (heights[:, :-1] + heights[:, 1:]) / 2 @ np.diff(steps)
    return with_error(value, drawn)


def _cumulated(counts: Floats) -> Floats:
    """Return the fraction (R, B + 1) of values below each step, given the counts (R, B) between them."""
    total = np.cumsum(counts, axis=1)
    with np.errstate(invalid="ignore"):  # a replica without any value is undefined, and left out
        return np.concatenate([np.zeros((len(counts), 1)), total / total[:, -1:]], axis=1)
