"""A plan of a small grid: two methods, two numbers of labels and all, two seeds."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from hepjepa_weaver.grid.plan import GridPlan
from hepjepa_weaver.grid.reading import read_grid

CONTENT: dict[str, Any] = {
    "output": "runs/toy",
    "size": "quick",
    "training": {
        "passes": {2: 4, 10: 2},
        "batch_size": {1: 10, 10: 20},
        "epochs": 3,
        "validation_jets": 50,
        "weaver": "--optimizer AdamW",
    },
    "pretrainings": {
        "hepjepa": {
            "network": "hepjepa_pretrain",
            "data_config": "data_configs/JetClass/JetClass_full.yaml",
            "train": "train/*.root",
            "val": "val/*.root",
            "jets_seen": 320,
            "batch_size": 16,
            "epochs": 2,
            "weaver": "--start-lr 1e-3",
        }
    },
    "tasks": {
        "toy": {
            "title": "Toy jets",
            "data_config": "data_configs/JetClass/JetClass_full.yaml",
            "background": "QCD",
            "train": "train",
            "val": "val",
            "test": "test",
            "labels": [2, 5],
            "all_labels": True,
            "seeds": [0, 1],
            "pretrainings": {"jepa": "hepjepa"},
            "degradations": ["dropped"],
            "published": "JetClass",
        }
    },
    "methods": {
        "finetuned": {
            "title": "HEP-JEPA, fine-tuned",
            "network": "hepjepa_finetune",
            "pretraining": "jepa",
            "weaver": "-o pooling mean",
            "rates": [0.001, 0.01],
        },
        "part": {"title": "ParT from scratch", "network": "part", "rates": [0.003, 0.0001]},
    },
    "degradations": {"dropped": {"title": "half dropped", "drop": 0.5}},
}


@pytest.fixture
def content() -> dict[str, Any]:
    """What the YAML file of the plan holds, to be changed at will."""
    return deepcopy(CONTENT)


@pytest.fixture
def write_plan(tmp_path: Path):
    def write(content: dict[str, Any]) -> Path:
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def plan(content, write_plan, at_the_top) -> GridPlan:
    """The plan, read at the top of the repository or of a folder like it."""
    return read_grid(write_plan(content))
