import shlex
from itertools import pairwise

import pytest

from hepjepa_weaver.grid import commands
from hepjepa_weaver.grid.plan import Cell, read_grid
from hepjepa_weaver.grid.resume import words_to_resume
from tests.helpers.networks import REPOSITORY


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch):
    """The workflow runs there, and its plans name files from there."""
    monkeypatch.chdir(REPOSITORY)


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


def test_subsets_are_apart_from_validation_and_test(plan):
    assert commands.subset(plan, "toy", "5", 1) == (
        "scripts/make_fewshot.py train -o runs/toy/labels/toy/5_seed1 --labels-per-class 5 --seed 1 "
        "--apart-from val test"
    )
    assert commands.validation(plan, "toy") == (
        "scripts/make_fewshot.py val -o runs/toy/labels/toy/validation --labels-per-class 5"
    )


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


def test_words_to_resume(tmp_path):
    prefix = tmp_path / "net"
    assert words_to_resume(prefix, 3) == ""
    for epoch in (0, 1):
        for kind in ("state", "optimizer"):
            (tmp_path / f"net_epoch-{epoch}_{kind}.pt").touch()
    (tmp_path / "net_epoch-2_state.pt").touch()  # killed before the optimiser was written
    assert words_to_resume(prefix, 3) == "--load-epoch 1 -o seed 2003"


@pytest.mark.parametrize(("validation_jets", "batch"), [(50, 50), (59, 50), (2000, 250), (740, 185)])
def test_no_validation_jet_is_dropped(content, write_plan, validation_jets, batch):
    content["training"]["validation_jets"] = validation_jets
    plan = read_grid(write_plan(content))
    found = options(commands.train(plan, Cell("toy", "part", "2", 0), "0.003"))
    assert found["--batch-size-val"] == str(batch)
    assert validation_jets // 10 * 10 % batch == 0
