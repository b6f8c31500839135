"""Accuracy, one-vs-one AUC and background rejection of a multi-class jet tagger.

Shapes: N jets, K classes, S signal jets, B background jets. The definitions are those of the published JetClass tables,
as the code of L-GATr (`jetclassexperiment.py`) and weaver (`metrics`) have them. Their errors: `evaluation.bootstrap`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.predictions import Predictions

SIGNAL_EFFICIENCY = {"Hqql": 0.99, "Tbl": 0.995}  # leptonic jets: at 50 % next to no QCD jet is left
TWO_CLASSES = (0.5, 0.3)  # Rej50 and Rej30 of top and quark/gluon tagging

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rejection:
    """Background rejection 1/FPR, None where no background jet passes, and the counts behind it."""

    value: float | None
    signal_efficiency: float  # reached: at least the one asked for, more where scores tie at the threshold
    n_passed: int  # background jets above the threshold
    n_background: int


@dataclass(frozen=True)
class WorkingPoint:
    """Where a background rejection is quoted."""

    signal: str
    efficiency: float
    is_only: bool = False
    """Whether it is of the only signal there is, which then needs no name."""

    def __str__(self) -> str:
        percent = f"{100 * self.efficiency:g}"
        return f"Rej{percent}" if self.is_only else f"{self.signal} {percent} %"


def accuracy(predictions: Predictions) -> float:
    """Return the fraction of jets whose highest score is that of their class (a tie goes to the first class)."""
    return float(np.mean(predictions.scores.argmax(axis=1) == predictions.labels))


def macro_ovo_auc(predictions: Predictions) -> float:
    """Return the unweighted mean over class pairs of the one-vs-one AUC.

    As `roc_auc_score(multi_class="ovo", average="macro")` of scikit-learn, which weaver prints: for each
    ordered pair (a, b) the score of a separates the jets of a from those of b; the mean runs over all K(K-1).
    """
    n_classes = len(predictions.class_names)
    of_class = [predictions.scores[predictions.labels == index] for index in range(n_classes)]
    pairs = list(permutations(range(n_classes), 2))
    return float(np.mean([_fraction_below(of_class[a][:, a], of_class[b][:, a]).mean() for a, b in pairs]))


def _fraction_below(values: Floats, others: Floats) -> Floats:
    """Return for each of `values` the fraction of `others` below it, ties counting one half."""
    ordered = np.sort(others)
    twice = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(twice / (2 * len(others)))


def two_class_scores(predictions: Predictions, signal: str, background: str) -> tuple[Floats, Floats]:
    """Return p_sig / (p_sig + p_bkg) for the signal jets (S,) and for the background jets (B,).

    A jet to which the network gives neither class any probability scores 0, as in weaver's AUC matrix.
    Raises UserError for an unknown class name.
    """
    for name in (signal, background):
        if name not in predictions.class_names:
            raise UserError(f"no class {name}: the classes are {', '.join(predictions.class_names)}")
    i, j = predictions.class_names.index(signal), predictions.class_names.index(background)
    p_signal, both = predictions.scores[:, i], predictions.scores[:, i] + predictions.scores[:, j]
    score = np.divide(p_signal, both, out=np.zeros_like(both), where=both > 0)
    return score[predictions.labels == i], score[predictions.labels == j]


def working_points(class_names: Sequence[str], background: str = "QCD") -> list[WorkingPoint]:
    """Return where the published tables quote the rejection of `background`: once for each class, or, of two classes,
    at two signal efficiencies."""
    signals = [name for name in class_names if name != background]
    if len(signals) == 1:
        return [WorkingPoint(signals[0], efficiency, is_only=True) for efficiency in TWO_CLASSES]
    return [WorkingPoint(name, SIGNAL_EFFICIENCY.get(name, 0.5)) for name in signals]


def class_rejection(predictions: Predictions, point: WorkingPoint, background: str = "QCD") -> Rejection:
    """Return the rejection of `background` at a working point."""
    scores = two_class_scores(predictions, point.signal, background)
    return background_rejection(*scores, point.efficiency)


def background_rejection(signal: Floats, background: Floats, efficiency: float) -> Rejection:
    """Return 1/FPR at the tightest threshold that keeps at least `efficiency` of the signal.

    A jet passes where score >= threshold. The threshold is the k-th highest signal score (S,), with k the
    smallest integer >= efficiency * S; jets that tie with it all pass, signal and background (B,) alike.
    Where no background jet passes, the rejection is undefined (None), not infinite.
    """
    threshold = np.sort(signal)[::-1][jets_to_keep(efficiency, len(signal)) - 1]
    n_passed = int(np.sum(background >= threshold))
    value = len(background) / n_passed if n_passed else None
    return Rejection(value, float(np.mean(signal >= threshold)), n_passed, len(background))


def jets_to_keep(efficiency: float, n_signal: int) -> int:
    """Return the smallest whole number, 1 at least, that is no less than `efficiency` of `n_signal`."""
    return max(1, math.ceil(efficiency * n_signal - 1e-9))  # 0.995 * 1000 is 995, not a rounding error more


def roc_points(signal: Floats, background: Floats, n_points: int = 500) -> tuple[Floats, Floats]:
    """Return signal and background efficiencies (at most `n_points` each) at thresholds on signal scores."""
    ranked, ordered = np.sort(signal), np.sort(background)
    thresholds = np.unique(ranked[np.linspace(0, len(ranked) - 1, n_points).astype(np.int64)])[::-1]
    signal_efficiency = 1 - np.searchsorted(ranked, thresholds, "left") / len(ranked)
    background_efficiency = 1 - np.searchsorted(ordered, thresholds, "left") / len(ordered)
    return np.asarray(signal_efficiency), np.asarray(background_efficiency)
