"""Every metric with the interval in which the finite number of test jets leaves it: 68 % of bootstrap replicas.

A replica draws as many jets of each class as there are, with replacement. Shapes: N jets, R replicas.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.evaluation.calibration import reliability
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
AT_ONCE = 20_000_000  # numbers held at once for a pair of classes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A metric of all test jets and its bootstrap interval; None where undefined, as where no background passes."""

    value: float | None
    low: float | None
    high: float | None


def bootstrap_metrics(
    predictions: Predictions, background: str = "QCD", replicas: int = REPLICAS, seed: int = 0
) -> dict[str, Interval]:
    """Return accuracy, AUC, calibration error and the rejections at the customary working points, by name."""
    points = working_points(predictions.class_names, background)
    values: dict[str, float | None] = {
        "accuracy": accuracy(predictions).value,
        "AUC": macro_ovo_auc(predictions).value,
        "ECE": reliability(predictions).calibration_error,
        **{str(point): class_rejection(predictions, point, background).value for point in points},
    }
    replicas_at_once = max(1, AT_ONCE // len(predictions.labels))
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[Floats]] = {name: [] for name in values}
    for first in range(0, replicas, replicas_at_once):
        weights = replica_weights(predictions.labels, min(replicas_at_once, replicas - first), rng)
        drawn["accuracy"].append(_accuracies(predictions, weights))
        drawn["AUC"].append(_aucs(predictions, weights))
        drawn["ECE"].append(np.array([reliability(predictions, w).calibration_error for w in weights]))
        for point in points:
            drawn[str(point)].append(_rejections(predictions, point, background, weights))
    return {name: _interval(value, np.concatenate(drawn[name])) for name, value in values.items()}


def replica_weights(labels: NDArray[np.int64], replicas: int, rng: np.random.Generator) -> Floats:
    """Return how often each replica has each jet (R, N): as many jets of each class as there are."""
    weights = np.zeros((replicas, len(labels)))
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for replica in weights:
        for jets in classes:
            replica[jets] = np.bincount(rng.integers(len(jets), size=len(jets)), minlength=len(jets))
    return weights


def _accuracies(predictions: Predictions, weights: Floats) -> Floats:
    is_right = predictions.scores.argmax(axis=1) == predictions.labels
    accuracies: Floats = weights @ is_right / len(is_right)
    return accuracies


def _aucs(predictions: Predictions, weights: Floats) -> Floats:
    """Return the macro one-vs-one AUC of each replica (R,)."""
    n_classes = len(predictions.class_names)
    members = [np.flatnonzero(predictions.labels == index) for index in range(n_classes)]
    total = np.zeros(len(weights))
    for a, b in permutations(range(n_classes), 2):
        order = members[b][np.argsort(predictions.scores[members[b], a])]
        ordered, score = predictions.scores[order, a], predictions.scores[members[a], a]
        below = _cumulated(weights[:, order])
        above = below[:, np.searchsorted(ordered, score, "left")] + below[:, np.searchsorted(ordered, score, "right")]
        total += np.sum(weights[:, members[a]] * above, axis=1) / (2 * len(members[a]) * len(members[b]))
    return total / (n_classes * (n_classes - 1))


def _rejections(predictions: Predictions, point: WorkingPoint, background: str, weights: Floats) -> Floats:
    """Return the background rejection of each replica (R,), infinite where no background passes."""
    signal, other = two_class_scores(predictions, point.signal, background)
    of_signal, of_other = (
        weights[:, predictions.labels == predictions.class_names.index(name)] for name in (point.signal, background)
    )
    ranked = np.argsort(-signal)
    n_kept = _cumulated(of_signal[:, ranked])[:, 1:]
    last = np.sum(n_kept < jets_to_keep(point.efficiency, len(signal)), axis=1)
    order = np.argsort(other)
    n_below = np.searchsorted(other[order], signal[ranked][last], "left")
    passing = len(other) - _cumulated(of_other[:, order])[np.arange(len(weights)), n_below]
    rejections: Floats = np.divide(len(other), passing, out=np.full(len(weights), np.inf), where=passing > 0)
    return rejections


def _cumulated(weights: Floats) -> Floats:
    """Return the sums of the first 0, 1, … weights of each row."""
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)


def _interval(value: float | None, drawn: Floats) -> Interval:
    if value is None:
        return Interval(None, None, None)
    low, high = np.quantile(drawn, QUANTILES, method="inverted_cdf")
    return Interval(value, float(low), float(high) if np.isfinite(high) else None)
