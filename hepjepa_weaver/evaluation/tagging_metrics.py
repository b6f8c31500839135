"""Accuracy, one-vs-one AUC and background rejection of a multi-class jet tagger.

Shapes: N jets, K classes, S signal jets, B background jets. The definitions are those of the published JetClass tables,
as coded in L-GATr (`jetclassexperiment.py`) and weaver (`metrics`). `evaluation.bootstrap` estimates the errors.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.predictions import Predictions

SIGNAL_EFFICIENCY = {"Hqql": 0.99, "Tbl": 0.995}  # leptonic jets: at 50 % almost no QCD jet passes
TWO_CLASSES = (0.5, 0.3)  # Rej50 and Rej30 of top and quark/gluon tagging

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rejection:
    """Background rejection 1/FPR with the counts behind it.

    Attributes:
        value: None if no background jet passes.
        signal_efficiency: efficiency reached; above the requested one if scores tie at the threshold.
        n_passed: number of background jets at or above the threshold.
        n_background: number of background jets.
    """

    value: float | None
    signal_efficiency: float
    n_passed: int
    n_background: int


@dataclass(frozen=True)
class WorkingPoint:
    """Signal class and signal efficiency at which a background rejection is quoted.

    Attributes:
        signal: name of the signal class.
        efficiency: signal efficiency, as a fraction.
        is_only: whether there is no other signal class, so that the name can be left out.
    """

    signal: str
    efficiency: float
    is_only: bool = False

    def __str__(self) -> str:
        percent = f"{100 * self.efficiency:g}"
        return f"Rej{percent}" if self.is_only else f"{self.signal} {percent} %"


def accuracy(predictions: Predictions) -> float:
    """Return the fraction of jets whose true class has the highest score; in a tie the first class counts."""
    return float(np.mean(predictions.scores.argmax(axis=1) == predictions.labels))


def macro_ovo_auc(predictions: Predictions) -> float:
    """Return the unweighted mean over class pairs of the one-vs-one AUC.

    For each ordered pair (a, b), the score of a separates the jets of a from those of b. The mean runs over all K(K-1)
    pairs. This is `roc_auc_score(multi_class="ovo", average="macro")` of scikit-learn, which weaver prints.
    """
    n_classes = len(predictions.class_names)
    of_class = [predictions.scores[predictions.labels == index] for index in range(n_classes)]
    pairs = list(permutations(range(n_classes), 2))
    return float(np.mean([_fraction_below(of_class[a][:, a], of_class[b][:, a]).mean() for a, b in pairs]))


def _fraction_below(values: Floats, others: Floats) -> Floats:
    """Return the fraction of `others` below each of `values`; a tie counts one half."""
    ordered = np.sort(others)
    twice = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(twice / (2 * len(others)))


def two_class_scores(predictions: Predictions, signal: str, background: str) -> tuple[Floats, Floats]:
    """Return p_sig / (p_sig + p_bkg) for the signal jets (S,) and for the background jets (B,).

    A jet with zero probability for both classes scores 0, as in weaver's AUC matrix.

    Raises:
        UserError: a class name is unknown.
    """
    for name in (signal, background):
        if name not in predictions.class_names:
            remedy = "give another --background" if name == background else "give another signal"
            raise UserError(f"no class {name}: the classes are {', '.join(predictions.class_names)}; {remedy}")
    i, j = predictions.class_names.index(signal), predictions.class_names.index(background)
    p_signal, both = predictions.scores[:, i], predictions.scores[:, i] + predictions.scores[:, j]
    score = np.divide(p_signal, both, out=np.zeros_like(both), where=both > 0)
    return score[predictions.labels == i], score[predictions.labels == j]


def working_points(class_names: Sequence[str], background: str = "QCD") -> list[WorkingPoint]:
    """Return the working points at which the published tables quote the rejection of `background`.

    With more than two classes, there is one for each signal class. With two classes, there are two signal efficiencies.
    """
    signals = [name for name in class_names if name != background]
    if len(signals) == 1:
        return [WorkingPoint(signals[0], efficiency, is_only=True) for efficiency in TWO_CLASSES]
    return [WorkingPoint(name, SIGNAL_EFFICIENCY.get(name, 0.5)) for name in signals]


def class_rejection(predictions: Predictions, point: WorkingPoint, background: str = "QCD") -> Rejection:
    """Return the rejection of `background` at a working point.

    Raises:
        UserError: the signal or the background is no class of the predictions.
    """
    scores = two_class_scores(predictions, point.signal, background)
    return background_rejection(*scores, point.efficiency)


def background_rejection(signal: Floats, background: Floats, efficiency: float) -> Rejection:
    """Return 1/FPR at the tightest threshold that keeps at least a fraction `efficiency` of the signal.

    A jet passes if its score is at or above the threshold. The threshold is the k-th highest of the signal scores (S,);
    k is the smallest integer at or above efficiency * S. Jets that tie with the threshold all pass, both signal and
    background (B,). If no background jet passes, the rejection is undefined (None), not infinite.
    """
    threshold = np.sort(signal)[::-1][jets_to_keep(efficiency, len(signal)) - 1]
    n_passed = int(np.sum(background >= threshold))
    value = len(background) / n_passed if n_passed else None
    return Rejection(value, float(np.mean(signal >= threshold)), n_passed, len(background))


def jets_to_keep(efficiency: float, n_signal: int) -> int:
    """Return the smallest integer, at least 1, that is not below the fraction `efficiency` of `n_signal`."""
    return max(1, math.ceil(efficiency * n_signal - 1e-9))  # so that 0.995 * 1000 is 995 in spite of rounding errors


def roc_points(signal: Floats, background: Floats, n_points: int = 500) -> tuple[Floats, Floats]:
    """Return signal and background efficiencies, at most `n_points` each, at thresholds from the signal scores."""
    ranked, ordered = np.sort(signal), np.sort(background)
    thresholds = np.unique(ranked[np.linspace(0, len(ranked) - 1, n_points).astype(np.int64)])[::-1]
    signal_efficiency = 1 - np.searchsorted(ranked, thresholds, "left") / len(ranked)
    background_efficiency = 1 - np.searchsorted(ordered, thresholds, "left") / len(ordered)
    return np.asarray(signal_efficiency), np.asarray(background_efficiency)
