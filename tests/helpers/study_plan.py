"""A plan of a small study: two methods, two numbers of labels and all, two seeds."""

from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]

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

SEVERAL_SETTINGS: dict[str, Any] = {
    "probe_labels": 100,
    "pretraining_defaults": CONTENT["pretrainings"]["hepjepa"],
    "pretrainings": {
        "reference": {"seeds": [0, 1], "growth": [1], "probes": ["target_mean", "context_mean"]},
        "mpm": {
            "title": "MPM",
            "network": "mpm_pretrain",
            "shared": "-o num_layers 1",
            "options": "--start-lr 3e-3",
            "probes": ["context_mean"],
        },
    },
    "tasks": {"toy": CONTENT["tasks"]["toy"] | {"pretrainings": {"jepa": "all"}}},
}
"""What replaces the entries of `CONTENT` for two settings of pre-training, one with two seeds and growth."""
