import pytest

from hepjepa_weaver.common.epoch_metrics import EpochMetrics, write_training
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies.cells import Cell
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.read_plan import read_plan
from hepjepa_weaver.studies.recipe_choice import choose, chosen, trials, write_choice


def logs(tmp_path, **best):
    """The epoch metrics of trials, one or several a recipe, each with a worse epoch after the best."""
    written = {}
    for name, values in best.items():
        written[name] = [tmp_path / f"{name}{trial}.jsonl" for trial in range(len(values))]
        for path, value in zip(written[name], values, strict=True):
            for epoch, metric in enumerate((value, value / 2)):
                write_training(path, EpochMetrics(epoch, metric=metric))
    return written


def test_the_recipe_with_the_best_epoch_is_chosen(tmp_path):
    name, table = choose(logs(tmp_path, a=[0.41], b=[0.52], c=[0.52]))
    assert name == "b"
    assert table == "a\t0.41000\nb\t0.52000\tchosen\nc\t0.52000\n"


def test_the_mean_over_several_trials_counts(tmp_path):
    assert choose(logs(tmp_path, lucky=[0.9, 0.3], steady=[0.65, 0.65]))[0] == "steady"


def test_a_training_without_validation_is_named(tmp_path):
    write_training(tmp_path / "log.jsonl", EpochMetrics(0))
    with pytest.raises(UserError, match=r"log\.jsonl tells of no validation"):
        choose({"a": [tmp_path / "log.jsonl"]})


def test_the_choice_of_the_first_seeds_is_that_of_all(plan_of_settings):
    layout, cell = Layout(plan_of_settings), Cell("toy", "finetuned.reference.seed1", "5", 1)
    for value, paths in zip((0.4, 0.3), trials(plan_of_settings, cell).values(), strict=True):
        for path in paths:
            assert "finetuned.reference.seed0/5/" in str(path)
            write_training(path, EpochMetrics(0, metric=value))
    write_choice(plan_of_settings, cell)
    assert chosen(plan_of_settings, cell).words == "--start-lr 0.001"
    layout.choice(cell).write_text("0.1\t0.40000\tchosen\n")
    with pytest.raises(UserError, match=r"'0\.1'.*0\.001, 0\.01"):
        chosen(plan_of_settings, cell)
    layout.choice(cell).write_text("0.1\t0.4\n")
    with pytest.raises(UserError, match=r"5_seed0\.txt"):
        chosen(plan_of_settings, cell)


def test_all_seeds_are_trials_where_the_plan_says_so(settings, write_plan, at_the_top):
    settings["training"]["try_with"] = "all_seeds"
    plan = read_plan(write_plan(settings))
    found = trials(plan, Cell("toy", "finetuned.reference.seed1", "5", 1))
    assert {name: len(paths) for name, paths in found.items()} == {"0.001": 4, "0.01": 4}
