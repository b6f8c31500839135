import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies import jet_commands
from hepjepa_weaver.studies.read_plan import read_plan


def test_subsets_are_drawn_and_checked(plan):
    assert jet_commands.subset(plan, "toy", "5", 1) == (
        "hepjepa subset train -o runs/toy/labels/toy/5_seed1 --labels-per-class 5 --seed 1"
    )
    assert jet_commands.validation(plan, "toy") == (
        "hepjepa subset val -o runs/toy/labels/toy/validation --labels-per-class 5"
    )
    assert jet_commands.check_apart(plan, "toy") == (
        "hepjepa check-apart --train train --validation val --test test -o runs/toy/labels/toy/apart.txt"
    )


def test_jets_of_a_pretraining_elsewhere_are_checked_too(settings, write_plan, at_the_top):
    settings["pretrainings"]["mpm"]["train"] = "test/*.root"
    plan = read_plan(write_plan(settings))
    assert "--pretraining test/A_000.root test/B_000.root" in jet_commands.check_apart(plan, "toy")


def test_a_task_can_allow_for_jets_that_are_there_twice(content, write_plan, at_the_top):
    content["tasks"]["toy"]["common_jets"] = 2
    plan = read_plan(write_plan(content))
    assert "--allow-common 2" in jet_commands.check_apart(plan, "toy")


def test_a_pattern_names_some_of_the_files_of_a_folder(content, write_plan, at_the_top):
    """As of the quark/gluon jets, whose training and test files lie in one folder."""
    content["tasks"]["toy"] |= {"train": "train/A*.root", "test": "train/B*.root"}
    plan = read_plan(write_plan(content))
    assert jet_commands.sources(plan, "toy", "train") == ["train/A_000.root"]
    assert jet_commands.sources(plan, "toy", "test") == ["train/B_000.root"]


def test_jets_that_are_not_there_are_named(content, write_plan, at_the_top):
    content["tasks"]["toy"]["val"] = "nowhere"
    plan = read_plan(write_plan(content))
    with pytest.raises(UserError, match=r"nowhere.*\.root"):
        jet_commands.validation(plan, "toy")


def test_a_probe_is_fitted_to_as_many_jets_as_the_plan_says(plan_of_settings):
    words = jet_commands.probe(plan_of_settings, "a.parquet", "a.json").split()
    assert words[words.index("--labels") + 1] == "100"
