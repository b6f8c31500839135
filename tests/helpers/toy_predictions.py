"""Scores of a mediocre tagger of three classes."""

import numpy as np

from hepjepa_weaver.evaluation.predictions import Predictions

CLASSES = ("QCD", "Hbb", "Tbl")
LABEL_NAMES = ("label_QCD", "label_Hbb", "label_Tbl")


def toy_scores(n_jets: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Softmax scores (N, 3) of a mediocre tagger and labels (N,), the classes in turn."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_jets) % 3
    logits = rng.normal(size=(n_jets, 3)) + np.eye(3)[labels]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return scores.astype("float32"), labels


def toy_predictions(n_jets: int = 300, seed: int = 0, digits: int | None = None) -> Predictions:
    """Predictions of the toy tagger; few `digits` make score ties."""
    scores, labels = toy_scores(n_jets, seed)
    scores = scores.astype("float64")
    if digits is not None:
        scores = scores.round(digits)
        scores[:, 0] = 1 - scores[:, 1] - scores[:, 2]  # scikit-learn wants rows that sum to one
    return Predictions(scores, labels, CLASSES)
