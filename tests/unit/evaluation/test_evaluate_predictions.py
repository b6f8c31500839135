"""`hepjepa evaluate`: what it writes, and what bad predictions get."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hepjepa_weaver.evaluation.predictions import read_label_names
from tests.helpers.hepjepa_command import hepjepa


def run(prediction: Path, data_config: Path, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return hepjepa("evaluate", prediction, "--data-config", data_config, "-o", output, *options)


@pytest.fixture
def scores(data_config) -> np.ndarray:
    """Of 200 jets, each class after the other, mostly right."""
    n_classes = len(read_label_names(data_config))
    raw = np.random.default_rng(0).random((200, n_classes)) + 2 * np.eye(n_classes)[np.arange(200) % n_classes]
    return (raw / raw.sum(axis=1, keepdims=True)).astype("float32")


def test_writes_every_metric_with_its_interval(write_prediction, data_config, scores, tmp_path):
    prediction = write_prediction("test.parquet", scores, np.arange(200) % scores.shape[1])
    done = run(prediction, data_config, tmp_path / "new" / "metrics.json")
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert sum(content["jets_per_class"].values()) == 200
    for name in ("accuracy", "AUC", "ECE"):
        assert content["metrics"][name]["low"] <= content["metrics"][name]["value"] <= content["metrics"][name]["high"]


@pytest.mark.parametrize("options", [("--background", "Higgs"), ()])
def test_bad_predictions_are_named_and_nothing_is_written(write_prediction, data_config, scores, tmp_path, options):
    if not options:
        scores[3, 0] = np.nan
    prediction = write_prediction("test.parquet", scores, np.arange(200) % scores.shape[1])
    done = run(prediction, data_config, tmp_path / "metrics.json", *options)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert ("Higgs" if options else "test.parquet") in done.stderr
    assert not (tmp_path / "metrics.json").exists()
