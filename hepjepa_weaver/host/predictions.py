"""Predictions in the order of the files, with the file and entry of each jet, whatever the number of workers."""

from collections.abc import Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.host.reading import ENTRY, FILE
from hepjepa_weaver.weaver_api.log import logger

Prediction = tuple[float, Any, dict[str, Any], dict[str, Any]]
"""Metric, scores (N, K), labels and observers of N jets, as weaver's evaluation hook returns them."""


def in_file_order(prediction: Prediction, files: Sequence[str], as_text: bool, labels_known: bool) -> Prediction:
    """Return a prediction sorted by file and entry, and the fraction of labelled jets that are classified well.

    Several workers read several files at once, and weaver writes their jets as they come.

    Args:
        prediction: as weaver's evaluation hook returns it; observers hold the number of the file, and the entry.
        files: the files of the test, in their order.
        as_text: write the file's path, not its number.
        labels_known: whether the metric is an accuracy.
    """
    metric, scores, labels, observers = prediction
    numbers = {name: np.asarray(observers[name]).astype(np.int64) for name in (FILE, ENTRY) if name in observers}
    if len(numbers) == 2 and len(scores) == len(numbers[FILE]):
        order = np.lexsort((numbers[ENTRY], numbers[FILE]))
        scores, labels, observers = scores[order], _sorted(labels, order), _sorted(observers, order)
        if as_text:
            observers[FILE] = ak.Array(list(files))[np.asarray(observers[FILE])]
    return (_accuracy(metric, scores, labels) if labels_known else metric), scores, labels, observers


def _sorted(columns: Mapping[str, Any], order: Any) -> dict[str, Any]:
    return {name: (column if isinstance(column, ak.Array) else np.asarray(column))[order]
            for name, column in columns.items()}  # fmt: skip


def _accuracy(metric: float, scores: Any, labels: Mapping[str, Any]) -> float:
    """Return the accuracy over the jets that have a class; the metric itself if all have one, NaN if none has."""
    label = np.asarray(next(iter(labels.values()), ()))
    is_known = label >= 0
    if label.ndim != 1 or is_known.all():
        return metric
    logger.warning(
        "%d of %d test jets have no label: the metric is that of the others", int((~is_known).sum()), len(label)
    )
    if not is_known.any():
        return float("nan")
    return float((np.asarray(scores).argmax(axis=1) == label)[is_known].mean())
