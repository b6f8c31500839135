"""Linear probe of embeddings that `weaver --predict` wrote."""

from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.metrics import linear_probe


def probe(path: Path, num_labels: int, seed: int = 0) -> float:
    """Accuracy of logistic regression, fitted on `num_labels` random jets of the file and scored on all others.

    Raises:
        UserError: the file cannot be read, or has no more jets than `num_labels`.
    """
    embedding, label = read_embeddings(path)
    if len(label) <= num_labels:
        raise UserError(f"{path} has {len(label)} jets: too few to fit on {num_labels} and to score on others")
    order = np.random.default_rng(seed).permutation(len(label))
    fit, test = order[:num_labels], order[num_labels:]
    return float(linear_probe().fit(embedding[fit], label[fit]).score(embedding[test], label[test]))


def read_embeddings(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Embeddings (N, D) and labels (N,) of a prediction file."""
    try:
        table = ak.from_parquet(path, columns=["scores", "_label_"])
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no file of embeddings: {error}") from error
    return ak.to_numpy(table["scores"]).astype("float64"), ak.to_numpy(table["_label_"]).astype("int64")
