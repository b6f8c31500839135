"""Calibration: agreement of the predicted probabilities with the fractions of correctly assigned jets.

Shapes: N jets, B bins.

References:
    [1] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, arXiv:1706.04599, section 2: reliability diagram, calibration error.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.evaluation.predictions import Predictions

N_BINS = 15  # as in [1]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """Jets in bins of the probability of their assigned class; an empty bin holds 0.

    Attributes:
        n_jets: (B,), number of jets.
        confidence: (B,), mean probability of the assigned class.
        accuracy: (B,), fraction of jets assigned to their true class.
    """

    n_jets: Floats
    confidence: Floats
    accuracy: Floats

    @property
    def calibration_error(self) -> float:
        """The expected calibration error [1, equation 3].

        It is the mean over jets of the distance between the confidence and the accuracy of their bin.
        """
        return float(np.sum(self.n_jets * np.abs(self.accuracy - self.confidence)) / np.sum(self.n_jets))


@dataclass(frozen=True)
class BinnedJets:
    """Every jet with its assigned class, the one of highest score.

    Attributes:
        confidence: (N,), probability of the assigned class.
        is_right: (N,), whether the assigned class is the true one.
        bins: (N,), the bin that the jet falls into.
        n_bins: number of bins.
    """

    confidence: Floats
    is_right: NDArray[np.bool_]
    bins: NDArray[np.int64]
    n_bins: int

    def reliability(self, weights: Floats | None = None) -> Reliability:
        """Return the reliability diagram; `weights` (N,) give how often each jet counts."""
        weights = np.ones(len(self.bins)) if weights is None else weights
        n_jets, sum_confidence, n_right = (
            np.bincount(self.bins, weights * values, self.n_bins).astype(np.float64)
            for values in (1.0, self.confidence, self.is_right)
        )
        jets = np.maximum(n_jets, 1e-300)
        return Reliability(n_jets, sum_confidence / jets, n_right / jets)


def bin_jets(predictions: Predictions, n_bins: int = N_BINS) -> BinnedJets:
    """Sort the jets into bins of equal width in probability; a value at an edge belongs to the bin below."""
    confidence = predictions.scores.max(axis=1)
    is_right = predictions.scores.argmax(axis=1) == predictions.labels
    bins = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    return BinnedJets(confidence, is_right, bins, n_bins)
