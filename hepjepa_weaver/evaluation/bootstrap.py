"""Metrics with the error from the finite number of test jets: an interval that holds 68 % of the bootstrap replicas.

A replica draws with replacement as many jets of each class as there are. The bootstrap is the only estimate of
these errors, and serves all metrics alike. The closed forms for accuracy (binomial) and AUC (DeLong) have no
counterpart for the calibration error, and none for rejections with few background jets.

Shapes: N jets, R replicas.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.evaluation.calibration import BinnedJets, bin_jets
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.tagging_metrics import (
    WorkingPoint,
    accuracy,
    class_rejection,
    jets_to_keep,
    macro_ovo_auc,
    two_class_scores,
    working_points,
)

REPLICAS = 200
QUANTILES = (0.16, 0.84)

Floats = NDArray[np.float64]
Counts = NDArray[np.uint8]


@dataclass(frozen=True)
class Interval:
    """A metric of all test jets and its bootstrap interval; an undefined value or end is None.

    A rejection, for example, is undefined if no background jet passes.
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def measurement(self) -> Measurement:
        """The value with half the width of the interval as its error."""
        if self.low is None or self.high is None:
            return Measurement(self.value, None)
        return Measurement(self.value, (self.high - self.low) / 2)


def bootstrap_metrics(
    predictions: Predictions, background: str = "QCD", replicas: int = REPLICAS, seed: int = 0
) -> dict[str, Interval]:
    """Return accuracy, AUC, calibration error and the rejections at the customary working points, by name.

    Raises:
        UserError: `background` is no class of the predictions.
    """
    points = working_points(predictions.class_names, background)
    binned = bin_jets(predictions)
    values: dict[str, float | None] = {
        "accuracy": accuracy(predictions),
        "AUC": macro_ovo_auc(predictions),
        "ECE": binned.reliability().calibration_error,
        **{str(point): class_rejection(predictions, point, background).value for point in points},
    }
    weights = replica_weights(predictions.labels, replicas, seed)
    drawn = {
        "accuracy": _accuracies(binned, weights),
        "AUC": _aucs(predictions, weights),
        "ECE": _calibration_errors(binned, weights),
        **{str(point): _rejections(predictions, point, background, weights) for point in points},
    }
    return {name: _interval(value, drawn[name]) for name, value in values.items()}


def replica_weights(labels: NDArray[np.int64], replicas: int, seed: int) -> Counts:
    """Return how often each replica has each jet (R, N), given the class of each jet (N,).

    Every replica has as many jets of each class as there are.
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((replicas, len(labels)), np.uint8)  # no jet is drawn 256 times
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for replica in weights:
        for jets in classes:
            replica[jets] = np.bincount(rng.integers(len(jets), size=len(jets)), minlength=len(jets))
    return weights


def _accuracies(jets: BinnedJets, weights: Counts) -> Floats:
    return np.array([counts[jets.is_right].sum(dtype=np.int64) / len(jets.is_right) for counts in weights])


def _aucs(predictions: Predictions, weights: Counts) -> Floats:
    """Return the macro one-vs-one AUC of each replica (R,).

    The scores are sorted once for each pair of classes.
    """
    n_classes = len(predictions.class_names)
    members = [np.flatnonzero(predictions.labels == index) for index in range(n_classes)]
    total = np.zeros(len(weights))
    for a, b in permutations(range(n_classes), 2):
        order = members[b][np.argsort(predictions.scores[members[b], a])]
        ordered, score = predictions.scores[order, a], predictions.scores[members[a], a]
        left, right = (np.searchsorted(ordered, score, side) for side in ("left", "right"))
        for index, counts in enumerate(weights):
            below = _cumulated(counts[order])
            total[index] += np.sum(counts[members[a]] * (below[left] + below[right])) / (2 * len(score) * len(order))
    return total / (n_classes * (n_classes - 1))


def _rejections(predictions: Predictions, point: WorkingPoint, background: str, weights: Counts) -> Floats:
    """Return the background rejection of each replica (R,), infinite if no background jet passes."""
    signal, other = two_class_scores(predictions, point.signal, background)
    of_signal, of_other = (
        np.flatnonzero(predictions.labels == predictions.class_names.index(name)) for name in (point.signal, background)
    )
    ranked, order = np.argsort(-signal), np.argsort(other)
    wanted = jets_to_keep(point.efficiency, len(signal))
    rejections = np.full(len(weights), np.inf)
    for index, counts in enumerate(weights):
        last = np.searchsorted(_cumulated(counts[of_signal[ranked]])[1:], wanted)
        n_below = np.searchsorted(other[order], signal[ranked[last]], "left")
        passing = len(other) - _cumulated(counts[of_other[order]])[n_below]
        if passing:
            rejections[index] = len(other) / passing
    return rejections


def _calibration_errors(jets: BinnedJets, weights: Counts) -> Floats:
    """Return the calibration error of each replica (R,), shifted so that the median is the value of all jets.

    A replica holds some jets twice, so it fluctuates more. Its calibration error is a sum of distances, and therefore
    larger on average.
    """
    errors = np.array([jets.reliability(counts.astype(np.float64)).calibration_error for counts in weights])
    shifted = errors - np.median(errors) + jets.reliability().calibration_error
    return np.asarray(np.maximum(shifted, 0), np.float64)


def _cumulated(counts: Counts) -> NDArray[np.int64]:
    """Return the sums of the first 0, 1, … counts."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _interval(value: float | None, drawn: Floats) -> Interval:
    if value is None:
        return Interval(None, None, None)
    low, high = np.quantile(drawn, QUANTILES, method="inverted_cdf")
    return Interval(value, float(low), float(high) if np.isfinite(high) else None)
