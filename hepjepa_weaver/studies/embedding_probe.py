"""Linear probe of embeddings that `weaver --predict` wrote.

As a command: python -m hepjepa_weaver.studies.embedding_probe EMBEDDINGS --labels 4000 -o PROBE.json
"""

import argparse
import json
from pathlib import Path

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError, run_script
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.objectives.metrics import linear_probe


def probe(path: Path, num_labels: int, seed: int = 0) -> float:
    """Return the accuracy of a logistic regression on embeddings.

    The regression is fitted to `num_labels` random jets of the file, and scored on all others.

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
    """Return the embeddings (N, D) and the labels (N,) of a prediction file.

    Raises:
        UserError: the file cannot be read, or holds no embeddings.
    """
    try:
        table = ak.from_parquet(path, columns=["scores", "_label_"])
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no file of embeddings: {error}") from error
    return ak.to_numpy(table["scores"]).astype("float64"), ak.to_numpy(table["_label_"]).astype("int64")


def read_probe(path: Path) -> float:
    """Read the accuracy that the command wrote.

    Raises:
        UserError: the file is missing, or holds anything else.
    """
    try:
        return float(json.loads(path.read_text())["accuracy"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no probe: delete it and run snakemake again") from error


def main() -> None:
    """Write the accuracy of a probe to a JSON file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("embeddings", type=Path, help="Parquet file that weaver --predict wrote")
    parser.add_argument("--labels", type=int, required=True, help="jets to fit to; all others score the probe")
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args()
    content = {"accuracy": probe(args.embeddings, args.labels), "labels": args.labels}
    with written_whole(args.output) as temporary:
        temporary.write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    run_script(main)
