from pathlib import Path

import pytest
import yaml

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.search.checks import check_plan
from hepjepa_weaver.search.plan import Plan, read_plan
from tests.helpers.networks import REPOSITORY

PLANS = sorted((REPOSITORY / "scripts/searches").glob("*.yaml"))
SMALL = {
    "size": "quick",
    "data_config": "data_configs/JetClass/JetClass_full.yaml",
    "pretraining": {"jets_seen": 1000, "batch_size": 10, "epochs": 2, "weaver": "--optimizer AdamW"},
    "finetuning": {
        "labels": [5],
        "seeds": [0],
        "passes": {5: 2},
        "batch_size": 10,
        "validation_jets": 250,
        "weaver": "--optimizer AdamW",
        "recipes": {"plain": ""},
        "scratch_recipes": {"plain": ""},
    },
    "probe_labels": 100,
    "settings": {
        "scratch": {"network": "scratch"},
        "mpm": {"network": "mpm_pretrain", "seeds": [0, 1], "views": ["context_mean"]},
    },
}


def written(tmp_path: Path, **changes) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return path


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_shipped_plans_ask_for_what_exists(path):
    plan = read_plan(path)
    check_plan(plan)
    assert (REPOSITORY / plan.data_config).exists()


def test_a_plan_is_read(tmp_path):
    plan = read_plan(written(tmp_path))
    assert isinstance(plan, Plan)
    assert plan.pretraining.steps_per_epoch == 50
    assert plan.settings["mpm"].seeds == (0, 1)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"sise": "quick"}, "unknown sise"),
        ({"size": 3}, "size is 3, but must be str"),
        ({"settings": {"a": {"network": "mpm_pretrain", "seeds": [0.5]}}}, "settings: a: seeds is"),
        ({"settings": {"a": {"network": "mpm_pretrain", "seeds": []}}}, "a: seeds are none"),
        ({"settings": {"scratch": {"network": "scratch", "seeds": [0, 1]}}}, "scratch: nothing is pre-trained"),
        ({"settings": {"scratch": {"network": "scratch", "shared": "-o num_layer 1"}}}, "unknown option -o num_layer"),
        ({"settings": {"scratch": {"network": "scratch", "options": "-o num_layers 1"}}}, "scratch: nothing is pre-tr"),
        ({"settings": {"a": {"network": "mpm"}}}, "a: network is 'mpm', but there is"),
        ({"settings": {"a": {"network": "mpm_pretrain", "options": "-o 'a"}}}, "no command line"),
        (
            {"settings": {"a": {"network": "mpm_pretrain", "options": "-o num_layer 1"}}},
            "a: unknown option -o num_layer",
        ),
        (
            {"settings": {"a": {"network": "mpm_pretrain", "views": ["context_class"]}}},
            "a: view context_class: option -o embedding",
        ),
        ({"settings": {"a": {"network": "mpm_pretrain"}}}, "a: view target_mean: .*no target encoder"),
        ({"settings": {}}, "no 'settings'"),
        ({"settings": {"a": {"options": "-o x 1"}}}, "settings: a: missing network"),
        ({"settings": {"a": {"network": "mpm_pretrain", "views": ["mean"]}}}, "a: views are context_class.*not 'mean'"),
        ({"settings": {"a: b": {"network": "mpm_pretrain"}}}, "'a: b' is to be a folder's name"),
        ({"pretraining": {"jets_seen": 10}}, "missing batch_size, epochs, weaver"),
        ({"pretraining": {**SMALL["pretraining"], "jets_seen": 10}}, "less than one batch"),
        ({"pretraining": {**SMALL["pretraining"], "epochs": 0}}, "epochs and batch_size have to be 1 or more"),
        ({"pretraining": {**SMALL["pretraining"], "growth": [2]}}, "growth has to lie between 1 and 1"),
        ({"pretraining": {**SMALL["pretraining"], "weaver": "-o 'a"}}, "no command line"),
        ({"finetuning": {**SMALL["finetuning"], "scratch_recipes": {"a": "", "b": ""}}}, "same search effort"),
        ({"finetuning": {**SMALL["finetuning"], "labels": [5, 50]}}, "no entry for 50"),
        ({"finetuning": {**SMALL["finetuning"], "batch_size": 0}}, "finetuning: batch_size has to be 1"),
        ({"finetuning": {**SMALL["finetuning"], "validation_jets": 300}}, "multiple of 250"),
        ({"finetuning": {**SMALL["finetuning"], "recipes": {"a": "-o poling mean"}}}, "unknown option -o poling"),
    ],
)
def test_a_mistake_is_named_before_anything_runs(tmp_path, changes, wanted):
    with pytest.raises(UserError, match=wanted):
        check_plan(read_plan(written(tmp_path, **changes)))


def test_a_settings_option_overrules_the_plans(tmp_path):
    budget = {**SMALL["pretraining"], "weaver": "-o tokens patches"}
    setting = {"network": "mpm_pretrain", "views": ["context_mean"], "options": "-o tokens particles"}
    check_plan(read_plan(written(tmp_path, pretraining=budget, settings={"a": setting})))
    setting["options"] = ""
    with pytest.raises(UserError, match="a: option -o tokens"):
        check_plan(read_plan(written(tmp_path, pretraining=budget, settings={"a": setting})))


@pytest.mark.parametrize("text", [None, "a: [", "3"])
def test_what_is_no_plan_is_refused(tmp_path, text):
    path = tmp_path / "plan.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match="plan"):
        read_plan(path)
