"""Differences between two taggers on the same test jets.

Both are right on the easy jets, and both wrong on the hard ones. What is common cancels in the difference, whose error
is therefore smaller than the two errors of the accuracies suggest.

Shapes: N jets, R replicas.
"""

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.evaluation.bootstrap import REPLICAS, replica_weights
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.fidelity.particles import Floats
from hepjepa_weaver.fidelity.resampling import with_error


def accuracy_difference(ours: Predictions, theirs: Predictions, replicas: int = REPLICAS, seed: int = 0) -> Measurement:
    """Return the accuracy of `ours` minus that of `theirs`, with the error of a bootstrap over the common test jets.

    Raises:
        UserError: they are not predictions of the same jets in the same order.
    """
    if ours.class_names != theirs.class_names or not np.array_equal(ours.labels, theirs.labels):
        raise UserError("two taggers were tested on other jets: give both the same test jets in the same order")
    difference = _is_right(ours) - _is_right(theirs)
    weights = replica_weights(ours.labels, replicas, seed).astype(np.float64)
    return with_error(float(difference.mean()), weights @ difference / len(difference))


def _is_right(predictions: Predictions) -> Floats:
    """Return 1 for jets with the highest score in their class, otherwise 0 (N,)."""
    return np.asarray(predictions.scores.argmax(axis=1) == predictions.labels, np.float64)
