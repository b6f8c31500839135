"""Whether a network's probabilities are the fractions that come true.

Shapes: N jets, K classes, B bins.

References
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
    """Jets by the probability of the class they are assigned to; each (B,), 0 in empty bins."""

    n_jets: Floats
    confidence: Floats  # mean probability of the jets of a bin
    accuracy: Floats  # fraction of them that is assigned rightly

    @property
    def calibration_error(self) -> float:
        """The expected one: mean distance of confidence and accuracy, weighted by the jets [1, equation 3]."""
        return float(np.sum(self.n_jets * np.abs(self.accuracy - self.confidence)) / np.sum(self.n_jets))


@dataclass(frozen=True)
class BinnedJets:
    """Every jet's assigned class, each (N,): its probability, whether it is the true one, the bin it falls into."""

    confidence: Floats
    is_right: NDArray[np.bool_]
    bins: NDArray[np.int64]
    n_bins: int

    def reliability(self, weights: Floats | None = None) -> Reliability:
        """Return the reliability diagram. weights (N,): how often each jet counts."""
        weights = np.ones(len(self.bins)) if weights is None else weights
        n_jets, sum_confidence, n_right = (
            np.bincount(self.bins, weights * values, self.n_bins).astype(np.float64)
            for values in (1.0, self.confidence, self.is_right)
        )
        jets = np.maximum(n_jets, 1e-300)
        return Reliability(n_jets, sum_confidence / jets, n_right / jets)


def bin_jets(predictions: Predictions, n_bins: int = N_BINS) -> BinnedJets:
    """Return the jets in bins of equal width; a probability at an edge belongs to the bin below."""
    confidence = predictions.scores.max(axis=1)
    is_right = predictions.scores.argmax(axis=1) == predictions.labels
    bins = np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
    return BinnedJets(confidence, is_right, bins, n_bins)
