import shlex
from itertools import pairwise

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies import jet_commands, weaver_commands
from hepjepa_weaver.studies.cells import Cell, PretrainingRun, Start, trial_cells
from hepjepa_weaver.studies.read_plan import read_plan
from hepjepa_weaver.studies.tagging_method import Recipe
from tests.helpers.study_plan import REPOSITORY

RATE = Recipe("0.003", "rate0.003", "--start-lr 0.003")


def options(command: str) -> dict[str, str]:
    """The words after each option that takes one, the last one counts; those of -o as `-o name`."""
    words = shlex.split(command)
    found = {word: following for word, following in pairwise(words) if word.startswith("--")}
    places = [place for place, word in enumerate(words) if word == "-o"]
    return found | {f"-o {words[place + 1]}": words[place + 2] for place in places}


def test_pretraining_sees_its_budget(plan):
    found = options(weaver_commands.pretrain(plan, PretrainingRun("hepjepa", 0)))
    assert found["--num-epochs"] == "2"
    assert int(found["--num-epochs"]) * int(found["--steps-per-epoch"]) * int(found["--batch-size"]) == 320
    assert found["--model-prefix"] == "runs/toy/pretrained/hepjepa/net"
    assert found["--network-config"] == "network_configs/hepjepa_pretrain.py"


def test_a_setting_overrules_what_all_have(plan_of_settings):
    found = options(weaver_commands.pretrain(plan_of_settings, PretrainingRun("mpm", 0)))
    assert found["--network-config"] == "network_configs/mpm_pretrain.py"
    assert (found["--start-lr"], found["-o num_layers"]) == ("3e-3", "1")


def test_every_seed_of_a_pretraining_has_a_folder(plan_of_settings):
    found = [options(weaver_commands.pretrain(plan_of_settings, PretrainingRun("reference", seed))) for seed in (0, 1)]
    assert [run["-o seed"] for run in found] == ["0", "1"]
    assert [run["--model-prefix"] for run in found] == [f"runs/toy/pretrained/reference/seed{s}/net" for s in (0, 1)]


def test_embeddings_are_those_of_a_view_of_a_checkpoint(plan_of_settings):
    start = Start(PretrainingRun("reference", 1), 1)
    found = options(weaver_commands.embed(plan_of_settings, start, "context_mean"))
    assert (found["-o embed_with"], found["-o embedding"]) == ("context", "mean")
    assert found["--model-prefix"] == "runs/toy/pretrained/reference/seed1/net_epoch-0_state.pt"
    assert found["--data-test"] == "val/*.root"


def test_training_passes_over_the_labels_as_often_as_planned(plan):
    """4 passes over 2 or 5 labels of ten classes, in at most three epochs."""
    for labels, steps in (("2", 2), ("5", 6)):
        found = options(weaver_commands.train(plan, Cell("toy", "part", labels, 1), RATE))
        assert (found["--num-epochs"], found["--steps-per-epoch"]) == ("3", str(steps))
        assert found["--batch-size"] == "10"
        assert found["--start-lr"] == "0.003"
        assert found["-o seed"] == "1"
        assert found["--data-train"] == f"runs/toy/labels/toy/{labels}_seed1/*.root"
        assert found["--data-val"] == "runs/toy/labels/toy/validation/*.root"
        assert found["--data-test"] == "test/*.root"
        assert "--load-model-weights" not in found


def test_the_number_of_classes_is_that_of_the_data_config(content, write_plan, at_the_top):
    content["tasks"]["toy"] |= {"data_config": "data_configs/TopLandscape/top_kin.yaml", "suffix": ".parquet"}
    plan = read_plan(write_plan(content))
    assert jet_commands.training_jets(plan, Cell("toy", "part", "5", 0)) == 10


def test_a_pretrained_method_starts_from_the_last_checkpoint(plan):
    found = options(weaver_commands.train(plan, Cell("toy", "finetuned", "2", 0), RATE))
    assert found["--load-model-weights"] == "runs/toy/pretrained/hepjepa/net_epoch-1_state.pt"
    assert found["-o pooling"] == "mean"


def test_growth_starts_from_an_earlier_checkpoint_of_the_same_seed(plan_of_settings):
    cell = Cell("toy", "finetuned.reference.after1.seed1", "2", 0)
    found = options(weaver_commands.train(plan_of_settings, cell, RATE))
    assert found["--load-model-weights"] == "runs/toy/pretrained/reference/seed1/net_epoch-0_state.pt"


def test_fine_tuning_has_the_words_that_pretraining_shares_with_it(plan_of_settings):
    command = weaver_commands.train(plan_of_settings, Cell("toy", "finetuned.mpm", "2", 0), RATE)
    assert options(command)["-o num_layers"] == "1"
    assert "3e-3" not in command  # of the pre-training alone


def test_particlenet_has_no_encoder_size(content, write_plan, at_the_top):
    content["methods"]["part"]["network"] = "particlenet"
    plan = read_plan(write_plan(content))
    assert "-o size" not in options(weaver_commands.train(plan, Cell("toy", "part", "2", 0), RATE))
    assert options(weaver_commands.train(plan, Cell("toy", "finetuned", "2", 0), RATE))["-o size"] == "quick"


def test_a_network_config_of_ones_own_is_named_by_its_path(content, write_plan, at_the_top):
    (at_the_top / "mine.py").touch()
    content["methods"]["part"]["network"] = "mine.py"
    plan = read_plan(write_plan(content))
    assert options(weaver_commands.train(plan, Cell("toy", "part", "2", 0), RATE))["--network-config"] == "mine.py"


def test_away_from_a_checkout_configs_are_those_that_are_shipped(content, write_plan, at_the_top):
    for name in ("data_configs", "network_configs"):
        (at_the_top / name).unlink()
    plan = read_plan(write_plan(content))
    found = options(weaver_commands.pretrain(plan, PretrainingRun("hepjepa", 0)))
    assert found["--network-config"] == str(REPOSITORY / "network_configs/hepjepa_pretrain.py")
    assert found["--data-config"] == str(REPOSITORY / "data_configs/JetClass/JetClass_full.yaml")


def test_files_too_large_for_memory_have_a_loader_of_their_own(content, write_plan, at_the_top, monkeypatch):
    content["training"]["most_in_memory"] = 999
    content["training"]["loader"] = content["pretrainings"]["hepjepa"]["loader"] = "--fetch-step 0.01 --num-workers 8"
    monkeypatch.setattr(jet_commands, "count_jets", {("train/A_000.root", "train/B_000.root"): 1000}.get)
    plan = read_plan(write_plan(content))
    trained = weaver_commands.train(plan, Cell("toy", "part", "all", 0), RATE)
    for large in (trained, weaver_commands.pretrain(plan, PretrainingRun("hepjepa", 0))):
        assert "--in-memory" not in large
        assert (options(large)["--fetch-step"], options(large)["--num-workers"]) == ("0.01", "8")
    small = weaver_commands.train(plan, Cell("toy", "part", "5", 0), RATE)
    assert "--in-memory" in small
    assert options(small)["--fetch-step"] == "1"


def test_jets_of_one_piece_are_held_out(content, write_plan, at_the_top):
    task = content["tasks"]["toy"]
    del task["val"], task["test"]
    task |= {"train": "jets.parquet", "suffix": ".parquet", "label": "label", "held_out": [2, 3], "all_labels": False}
    plan = read_plan(write_plan(content))
    assert jet_commands.subset(plan, "toy", "5", 1) == (
        "hepjepa subset jets.parquet -o runs/toy/labels/toy/5_seed1 --labels-per-class 5 --label label "
        "--seed 1 --validation 2 --test 3"
    )
    cell = Cell("toy", "part", "5", 1)
    found = options(weaver_commands.train(plan, cell, RATE))
    assert trial_cells(plan, cell) == [cell]  # test jets of one draw are training jets of another
    for option, folder in (("train", ""), ("val", "val/"), ("test", "test/")):
        assert found[f"--data-{option}"] == f"runs/toy/labels/toy/5_seed1/{folder}*.parquet"
    assert jet_commands.degrade(plan, "toy", "5_seed1", "dropped") == (
        "hepjepa degrade runs/toy/labels/toy/5_seed1/test -o runs/toy/degraded/toy/5_seed1/dropped --drop 0.5"
    )
    predict = options(weaver_commands.predict_degraded(plan, cell, RATE, "dropped"))
    assert predict["--data-test"] == "runs/toy/degraded/toy/5_seed1/dropped/*.parquet"


def test_a_supervised_start_gives_its_encoder_without_its_head(settings, write_plan, at_the_top):
    settings["pretrainings"]["mpm"] = {"network": "hepjepa_finetune", "options": "-o from_scratch True",
                                       "shared": "-o pooling mean"}  # fmt: skip
    plan = read_plan(write_plan(settings))
    first = weaver_commands.pretrain(plan, PretrainingRun("mpm", 0)).split()
    assert first[first.index("from_scratch") + 1] == "True"
    tuned = weaver_commands.train(plan, Cell("toy", "finetuned.mpm", "5", 0), RATE)
    assert options(tuned)["--load-model-weights"] == "runs/toy/pretrained/mpm/net_epoch-1_state.pt"
    assert options(tuned)["--exclude-model-weights"] == "fc.*"
    assert "from_scratch" not in tuned
    other = weaver_commands.train(plan, Cell("toy", "finetuned.reference.seed0", "5", 0), RATE)
    assert "--exclude-model-weights" not in other
    settings["pretrainings"]["mpm"]["options"] = ""
    with pytest.raises(UserError, match="hepjepa_finetune with -o from_scratch True"):
        read_plan(write_plan(settings))


def test_mixtures_are_drawn_trained_on_and_measured_by_significance(content, write_plan, at_the_top):
    task = content["tasks"]["toy"]
    del task["val"], task["test"], task["published"]
    task |= {"mixture": ["A", "B"], "background_jets": 40, "held_out": [3, 6], "all_labels": False}
    task |= {"data_config": "data_configs/JetClass/JetClass_full_cwola.yaml", "background": "cwola_background"}
    plan = read_plan(write_plan(content))
    assert jet_commands.subset(plan, "toy", "5", 1) == (
        "hepjepa subset train -o runs/toy/labels/toy/5_seed1 --cwola A B --signal-jets 5 --background-jets 40 "
        "--seed 1 --validation 3 --test 6"
    )
    cell = Cell("toy", "part", "5", 1)
    assert jet_commands.training_jets(plan, cell) == 40 + 5 - 2 * 3
    found = options(weaver_commands.train(plan, cell, RATE))
    assert found["--data-val"] == "runs/toy/labels/toy/5_seed1/val/*.root"
    assert found["--batch-size-val"] == "6"
    assert jet_commands.evaluate(plan, "toy", "a.parquet", "a.json").split()[-5:] == [
        "--significance", "--background", "cwola_background", "-o", "a.json"
    ]  # fmt: skip


def test_degraded_jets_are_predicted_with_the_options_of_the_recipe(content, write_plan, at_the_top):
    content["methods"]["finetuned"] |= {"rates": [], "recipes": {"a": "-o pooling class_attention --start-lr 1e-3"}}
    content["methods"]["part"]["rates"] = [0.003]
    plan = read_plan(write_plan(content))
    recipe = plan.methods["finetuned"].recipe("a")
    found = options(weaver_commands.predict_degraded(plan, Cell("toy", "finetuned", "all", 0), recipe, "dropped"))
    assert found["-o pooling"] == "class_attention"
    assert "--start-lr" not in found


def test_the_next_smaller_number_of_labels_counts():
    values = {50: 40, 200: 20}
    assert [weaver_commands.at_most(values, labels) for labels in (50, 199, 200, 10_000)] == [40, 40, 20, 20]


@pytest.mark.parametrize(("validation_jets", "batch"), [(50, 50), (59, 50), (2000, 250), (740, 185)])
def test_no_validation_jet_is_dropped(content, write_plan, at_the_top, validation_jets, batch):
    content["training"]["validation_jets"] = validation_jets
    plan = read_plan(write_plan(content))
    found = options(weaver_commands.train(plan, Cell("toy", "part", "2", 0), RATE))
    assert found["--batch-size-val"] == str(batch)
    assert validation_jets // 10 * 10 % batch == 0


@pytest.mark.parametrize(
    ("passes", "labels", "expected"), [(40, 500, (20, 20)), (5, 500, (5, 10)), (1, 10, (1, 1)), (30, 2000, (20, 60))]
)
def test_passes_become_twenty_epochs_at_most(passes, labels, expected):
    assert weaver_commands.epochs_and_steps(passes, labels, 50, 20) == expected
