"""Prediction files that weaver writes with `--predict --predict-output`.

Shapes: N jets, K classes. The layouts are those of `save_parquet` and `save_root` in weaver 0.5.3. A Parquet file has
one column `scores` (N, K). A ROOT file has one branch `score_LABEL` (N,) for each class in the tree `Events`. Both hold
the index of the true class in `_label_`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import uproot
import yaml
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError, first_line

LABEL = "_label_"
PREDICT_AGAIN = "run weaver --predict again"


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of one network for one set of test jets.

    Attributes:
        scores: (N, K), probability of each class.
        labels: (N,), index of the true class, from 0 to K-1.
        class_names: names of the K classes, without `label_` and `jet_is`.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    def jets_per_class(self) -> dict[str, int]:
        """Return the number of test jets of each class."""
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        return {name: int(count) for name, count in zip(self.class_names, counts, strict=True)}


@dataclass(frozen=True)
class Labels:
    """Labels of a data config.

    Attributes:
        column: column of a prediction that holds the true class.
        names: names of the K classes; empty if the data config gives a number for each class.
        numbers: names of labels that a network may have regressed.
    """

    column: str
    names: tuple[str, ...]
    numbers: tuple[str, ...] = ()


def read_labels(data_config: Path) -> Labels:
    """Return the labels of a weaver data config: one column for each class, or integers and numbers (`type: custom`).

    Raises:
        UserError: the data config cannot be read, or has other labels.
    """
    labels = _labels_of(data_config)
    values = labels.get("value") if isinstance(labels, dict) and labels.get("type") == "custom" else None
    if isinstance(values, dict) and values:
        names = tuple(map(str, values))
        return Labels(names[0], (), names)
    return Labels(LABEL, read_label_names(data_config))


def read_label_names(data_config: Path) -> tuple[str, ...]:
    """Return the label names of a weaver data config in the order of the scores (`labels: value:` of type `simple`).

    Raises:
        UserError: the data config cannot be read, or lists fewer than two classes.
    """
    labels = _labels_of(data_config)
    names = labels.get("value") if isinstance(labels, dict) and labels.get("type") == "simple" else None
    if not isinstance(names, list) or len(names) < 2:
        raise UserError(
            f"data config {data_config} has no list of two or more classes under labels.value with "
            "labels.type simple: give the data config that the prediction was made with"
        )
    return tuple(str(name) for name in names)


def _labels_of(data_config: Path) -> Any:
    try:
        config = yaml.safe_load(data_config.read_text())
    except FileNotFoundError as error:
        raise UserError(f"data config {data_config} does not exist: check --data-config") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"data config {data_config} cannot be read as YAML: {first_line(error)}") from error
    return config.get("labels") if isinstance(config, dict) else None


def read_predictions(paths: Path | Sequence[Path], label_names: Sequence[str], label: str = LABEL) -> Predictions:
    """Read one prediction file, or several that together hold the test jets.

    Weaver writes one file for each test group.

    Args:
        paths: one file or several.
        label_names: K label names of the data config, from `read_label_names`; the Parquet layout does not hold them.
            Without names, a class is called by its number.
        label: column of the true class.

    Raises:
        UserError: a file cannot be read, or cannot give meaningful metrics; the message names file and column.
    """
    paths = [paths] if isinstance(paths, Path) else list(paths)
    parts = [_read_file(path, label_names, label) for path in paths]
    label_names = label_names or tuple(map(str, range(parts[0][0].shape[1])))
    scores = np.concatenate([scores for scores, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    source = ", ".join(str(path) for path in paths)
    if len(labels) == 0:
        raise UserError(f"{source}: no jets: check the test files and the selection, then {PREDICT_AGAIN}")
    for index, name in enumerate(label_names):
        if not np.any(labels == index):
            raise UserError(
                f"{source}: column {label} has no jets of class {index} ({name}): "
                f"{PREDICT_AGAIN} on test files of every class, or give the files of all test groups"
            )
    return Predictions(scores, labels, class_names(label_names))


def class_names(label_names: Sequence[str]) -> tuple[str, ...]:
    """Return the class names behind label names: `QCD` for `label_QCD` and for `jet_isQCD`."""
    return tuple(re.sub(r"^(label_|jet_is)", "", name) for name in label_names)


def _read_file(path: Path, label_names: Sequence[str], label: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the scores (N, K) and the labels (N,) of one file, with every check except that for empty classes."""
    readers = {".parquet": _read_parquet, ".root": _read_root}
    if path.suffix not in readers:
        raise UserError(f"{path}: not a weaver prediction: the name has to end in .parquet or .root")
    if not path.is_file():
        raise UserError(f"{path} does not exist: {PREDICT_AGAIN}, look for 'Error when writing' in its log")
    try:
        columns = readers[path.suffix](path, label_names, label)
    except (OSError, ValueError, KeyError, uproot.DeserializationError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}): {PREDICT_AGAIN}") from error
    for column in ("scores", label):
        if column not in columns:
            raise UserError(f"{path}: no column {column}: {PREDICT_AGAIN} with a classification network")
    scores = _as_matrix(path, columns["scores"], label_names)
    return scores, _as_labels(path, columns[label], label, scores.shape[1])


def _read_parquet(path: Path, _: Sequence[str], label: str) -> dict[str, Any]:
    with pq.ParquetFile(path) as file:
        wanted = [name for name in ("scores", label) if name in file.schema_arrow.names]
        table = ak.from_arrow(file.read(columns=wanted))
    return {name: table[name] for name in wanted}


def _read_root(path: Path, label_names: Sequence[str], label: str) -> dict[str, Any]:
    with uproot.open(path) as file:
        tree = file["Events"]
        columns: dict[str, Any] = {label: tree[label].array(library="np")} if label in tree else {}
        if not label_names:
            return columns | ({"scores": tree["output"].array(library="np")} if "output" in tree else {})
        names = [f"score_{name}" for name in label_names]
        found = tree.keys(filter_name="score_*")
        if found and set(found) != set(names):
            raise UserError(
                f"{path}: score columns {', '.join(found)} are not those of the {len(names)} classes "
                f"{', '.join(label_names)}: give the data config that the prediction was made with"
            )
        if found:
            columns["scores"] = np.stack([tree[name].array(library="np") for name in names], axis=1)
    return columns


def _as_matrix(path: Path, column: Any, label_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the scores as (N, K) float64.

    Raises:
        UserError: the scores are no softmax output for these classes.
    """
    try:
        scores = np.asarray(ak.to_numpy(column), dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: column scores is not a table of numbers: {PREDICT_AGAIN}") from error
    if scores.ndim != 2 or (label_names and scores.shape[1] != len(label_names)):
        raise UserError(
            f"{path}: column scores has shape {scores.shape}, but the data config names {len(label_names)} "
            "classes: give the data config that the prediction was made with"
        )
    if not np.isfinite(scores).all():
        bad = int((~np.isfinite(scores)).any(axis=1).sum())
        raise UserError(
            f"{path}: column scores is NaN or infinite for {bad} of {len(scores)} jets: "
            "the network diverged; use an earlier epoch or a lower learning rate"
        )
    if scores.size and (scores.min() < 0 or scores.max() > 1 + 1e-6):
        raise UserError(f"{path}: column scores is not within 0 to 1: predict with a classification network")
    return scores


def _as_labels(path: Path, column: Any, name: str, n_classes: int) -> NDArray[np.int64]:
    labels = np.asarray(ak.to_numpy(column))
    unknown = int((~(labels >= 0)).sum())
    if unknown:
        raise UserError(f"{path}: {unknown} of {len(labels)} jets have no class in {name}: {PREDICT_AGAIN} on others")
    if labels.size and labels.max() >= n_classes:
        raise UserError(
            f"{path}: column {name} runs from {labels.min()} to {labels.max()}, but there are {n_classes} classes: "
            "give the data config that the prediction was made with"
        )
    return labels.astype(np.int64)
