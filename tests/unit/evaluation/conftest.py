"""Prediction files and TensorBoard directories as weaver writes them."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter
from weaver.train import save_parquet, save_root

from tests.helpers.toy_predictions import LABEL_NAMES


@pytest.fixture
def write_prediction(tmp_path: Path) -> Callable[..., Path]:
    """Write scores and labels with weaver's own functions; the ending chooses the layout."""

    def write(name: str, scores: np.ndarray, labels: np.ndarray, label_names=LABEL_NAMES) -> Path:
        path = tmp_path / name
        config = SimpleNamespace(label_type="simple", label_value=label_names, label_names=("_label_",))
        observers = {"jet_pt": np.full(len(labels), 600, dtype="float32")}
        if path.suffix == ".root":
            save_root(None, str(path), config, scores, {"_label_": labels}, observers)
        else:
            save_parquet(None, str(path), scores, {"_label_": labels}, observers)
        return path

    return write


@pytest.fixture
def data_config(tmp_path: Path) -> Path:
    path = tmp_path / "data.yaml"
    path.write_text(f"labels:\n  type: simple\n  value: [{', '.join(LABEL_NAMES)}]\n")
    return path


@pytest.fixture
def write_scalars(tmp_path: Path) -> Callable[..., Path]:
    """Write scalars {tag: [value at step 0, 1, …]} to the run directory `name`."""

    def write(name: str, scalars: dict[str, list[float]], first_step: int = 0) -> Path:
        with SummaryWriter(str(tmp_path / name)) as writer:
            for tag, values in scalars.items():
                for step, value in enumerate(values, start=first_step):
                    writer.add_scalar(tag, value, step)
        return tmp_path / name

    return write
