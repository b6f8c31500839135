"""Metrics of a validation with many classes: weaver compares all pairs, which takes minutes for hundreds."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from hepjepa_weaver.common.errors import first_line
from hepjepa_weaver.weaver_api.log import logger
from hepjepa_weaver.weaver_api.substitutes import replace_function
from hepjepa_weaver.weaver_api.training import tools

MOST_CLASSES = 20
"""Largest number of classes whose pairs are compared, as weaver does."""


def install() -> None:
    """Put the function of this module in the place of weaver's.

    Raises:
        WeaverChanged: weaver has no function of that name.
    """
    replace_function(tools, "evaluate_metrics", without_pairs)


def without_pairs(evaluate_metrics: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return weaver's computation of metrics; with many classes, each is compared to the rest alone."""

    def evaluate(labels: NDArray[Any], scores: NDArray[Any], eval_metrics: Any = ()) -> dict[str, Any]:
        if scores.ndim == 1 or scores.shape[1] <= MOST_CLASSES:
            return evaluate_metrics(labels, scores, eval_metrics=eval_metrics)
        try:
            areas = areas_against_rest(labels, scores)
        except (ValueError, IndexError) as error:  # scores that are no numbers, or labels that are no classes
            logger.warning("Cannot compute the mean AUC of classes against the rest: %s", first_line(error))
            return {"mean AUC of classes against the rest": None}
        return {f"mean AUC of {len(areas)} classes against the rest": float(np.mean(areas)) if len(areas) else None}

    return evaluate


def areas_against_rest(labels: NDArray[Any], scores: NDArray[Any]) -> NDArray[np.float64]:
    """Return the area under the ROC curve of each class that is there, against all others.

    Args:
        labels: (N,), negative where unknown.
        scores: (N, K).
    """
    known = labels >= 0
    labels, scores = labels[known], scores[known]
    there = [number for number in np.unique(labels) if (labels != number).any()]
    return np.array([roc_auc_score(labels == number, scores[:, number]) for number in there])
