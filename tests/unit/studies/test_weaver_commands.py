import shlex
from itertools import pairwise

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies import commands
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.plan import Cell
from hepjepa_weaver.studies.reading import read_grid
from tests.helpers.networks import REPOSITORY


@pytest.fixture(autouse=True)
def at_the_top(tmp_path, monkeypatch):
    """A folder like the repository, where the workflow runs and its plans name files from; with files of jets."""
    (tmp_path / "data_configs").symlink_to(REPOSITORY / "data_configs")
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        for name in ("A_000.root", "B_000.root", "notes.txt"):
            (tmp_path / split / name).touch()
    (tmp_path / "jets.parquet").touch()
    monkeypatch.chdir(tmp_path)


def options(command: str) -> dict[str, str]:
    """The words after each option that takes one, the last one counts; those of -o as `-o name`."""
    words = shlex.split(command)
    found = {word: following for word, following in pairwise(words) if word.startswith("--")}
    places = [place for place, word in enumerate(words) if word == "-o"]
    return found | {f"-o {words[place + 1]}": words[place + 2] for place in places}


def test_pretraining_sees_its_budget(plan):
    found = options(commands.pretrain(plan, "hepjepa"))
    assert found["--num-epochs"] == "2"
    assert int(found["--num-epochs"]) * int(found["--steps-per-epoch"]) * int(found["--batch-size"]) == 320
    assert found["--model-prefix"] == "runs/toy/pretrained/hepjepa/net"
    assert found["--network-config"] == "network_configs/hepjepa_pretrain.py"


def test_training_passes_over_the_labels_as_often_as_planned(plan):
    """4 passes over 2 or 5 labels of ten classes, in at most three epochs."""
    for labels, steps in (("2", 2), ("5", 6)):
        found = options(commands.train(plan, Cell("toy", "part", labels, 1), "0.003"))
        assert (found["--num-epochs"], found["--steps-per-epoch"]) == ("3", str(steps))
        assert found["--batch-size"] == "10"
        assert found["--start-lr"] == "0.003"
        assert found["-o seed"] == "1"
        assert found["--data-train"] == f"runs/toy/labels/toy/{labels}_seed1/*.root"
        assert found["--data-val"] == "runs/toy/labels/toy/validation/*.root"
        assert found["--data-test"] == "test/*.root"
        assert "--load-model-weights" not in found


def test_a_pretrained_method_starts_from_the_last_checkpoint(plan):
    found = options(commands.train(plan, Cell("toy", "finetuned", "2", 0), "0.01"))
    assert found["--load-model-weights"] == "runs/toy/pretrained/hepjepa/net_epoch-1_state.pt"
    assert found["-o pooling"] == "mean"


def test_particlenet_has_no_encoder_size(content, write_plan):
    content["methods"]["part"]["network"] = "particlenet"
    plan = read_grid(write_plan(content))
    assert "-o size" not in options(commands.train(plan, Cell("toy", "part", "2", 0), "0.003"))
    assert options(commands.train(plan, Cell("toy", "finetuned", "2", 0), "0.01"))["-o size"] == "quick"


def test_subsets_are_drawn_and_looked_at(plan):
    assert commands.subset(plan, "toy", "5", 1) == (
        "scripts/make_fewshot.py train -o runs/toy/labels/toy/5_seed1 --labels-per-class 5 --seed 1"
    )
    assert commands.validation(plan, "toy") == (
        "scripts/make_fewshot.py val -o runs/toy/labels/toy/validation --labels-per-class 5"
    )
    assert commands.check_apart(plan, "toy") == (
        "scripts/check_apart.py --train train --validation val --test test -o runs/toy/labels/toy/apart.txt"
    )


def test_jets_of_a_pretraining_elsewhere_are_looked_at_too(content, write_plan):
    content["pretrainings"]["hepjepa"]["train"] = "test/*.root"
    assert "--pretraining test/A_000.root test/B_000.root" in commands.check_apart(
        read_grid(write_plan(content)), "toy"
    )


def test_a_task_can_allow_for_jets_that_are_there_twice(content, write_plan):
    content["tasks"]["toy"]["common_jets"] = 2
    plan = read_grid(write_plan(content))
    assert "--allow-common 2" in commands.check_apart(plan, "toy")


def test_a_pattern_names_some_of_the_files_of_a_folder(content, write_plan):
    """As of the quark/gluon jets, whose training and test files lie in one folder."""
    content["tasks"]["toy"] |= {"train": "train/A*.root", "test": "train/B*.root"}
    plan = read_grid(write_plan(content))
    assert commands.sources(plan, "toy", "train") == ["train/A_000.root"]
    assert commands.sources(plan, "toy", "test") == ["train/B_000.root"]
    assert options(commands.train(plan, Cell("toy", "part", "2", 0), "0.003"))["--data-test"] == "train/B*.root"


def test_jets_that_are_not_there_are_named(content, write_plan):
    content["tasks"]["toy"]["val"] = "nowhere"
    plan = read_grid(write_plan(content))
    with pytest.raises(UserError, match=r"the plan asks for nowhere, and no \.root file is there: make or download"):
        commands.validation(plan, "toy")


def test_files_too_large_for_memory_have_a_loader_of_their_own(content, write_plan, monkeypatch):
    content["training"]["most_in_memory"] = 999
    content["training"]["loader"] = content["pretrainings"]["hepjepa"]["loader"] = "--fetch-step 0.01 --num-workers 8"
    monkeypatch.setattr(commands, "count_jets", {("train/A_000.root", "train/B_000.root"): 1000}.get)
    plan = read_grid(write_plan(content))
    for large in (commands.train(plan, Cell("toy", "part", "all", 0), "0.003"), commands.pretrain(plan, "hepjepa")):
        assert "--in-memory" not in large
        assert (options(large)["--fetch-step"], options(large)["--num-workers"]) == ("0.01", "8")
    small = commands.train(plan, Cell("toy", "part", "5", 0), "0.003")
    assert "--in-memory" in small
    assert options(small)["--fetch-step"] == "1"


def test_jets_of_one_piece_are_held_out(content, write_plan):
    task = content["tasks"]["toy"]
    del task["val"], task["test"]
    task |= {"train": "jets.parquet", "suffix": ".parquet", "label": "label", "held_out": [2, 3], "all_labels": False}
    plan = read_grid(write_plan(content))
    assert commands.subset(plan, "toy", "5", 1) == (
        "scripts/make_fewshot.py jets.parquet -o runs/toy/labels/toy/5_seed1 --labels-per-class 5 --label label "
        "--seed 1 --validation 2 --test 3"
    )
    cell = Cell("toy", "part", "5", 1)
    found = options(commands.train(plan, cell, "0.003"))
    assert Layout(plan).rate_seed(cell) == 1  # its own: test jets of one draw are training jets of another
    for option, folder in (("train", ""), ("val", "val/"), ("test", "test/")):
        assert found[f"--data-{option}"] == f"runs/toy/labels/toy/5_seed1/{folder}*.parquet"
    degrade = commands.degrade(plan, "toy", "5_seed1", "dropped")
    assert degrade == (
        "scripts/degrade_jets.py runs/toy/labels/toy/5_seed1/test -o runs/toy/degraded/toy/5_seed1/dropped --drop 0.5"
    )
    predict = options(commands.predict_degraded(plan, cell, "0.003", "dropped"))
    assert predict["--data-test"] == "runs/toy/degraded/toy/5_seed1/dropped/*.parquet"


def test_the_next_smaller_number_of_labels_counts():
    values = {50: 40, 200: 20}
    assert [commands.at_most(values, labels) for labels in (50, 199, 200, 10_000)] == [40, 40, 20, 20]


@pytest.mark.parametrize(("validation_jets", "batch"), [(50, 50), (59, 50), (2000, 250), (740, 185)])
def test_no_validation_jet_is_dropped(content, write_plan, validation_jets, batch):
    content["training"]["validation_jets"] = validation_jets
    plan = read_grid(write_plan(content))
    found = options(commands.train(plan, Cell("toy", "part", "2", 0), "0.003"))
    assert found["--batch-size-val"] == str(batch)
    assert validation_jets // 10 * 10 % batch == 0
