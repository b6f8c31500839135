from pathlib import Path

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.studies import cells, jet_commands, weaver_commands
from hepjepa_weaver.studies.planned_options import config_path, options_in, options_of
from hepjepa_weaver.studies.read_plan import read_plan
from tests.helpers.study_plan import REPOSITORY

PLANS = sorted((REPOSITORY / "scripts/studies").glob("*.yaml"))
METHOD = {"title": "a", "network": "part", "rates": [0.1, 0.2]}
VIEW = "pretrainings: reference: probes are context_class"


def test_there_are_plans():
    assert len(PLANS) == 14


def understood(network: str, command: str) -> None:
    """Raise a UserError for an option that a network does not know."""
    config_from_options(options_of(network), options_in(command))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_networks_understand_every_command_of_the_shipped_plans(path, tmp_path, monkeypatch):
    """And the files that they name exist, but for the jets."""
    (tmp_path / "data_configs").symlink_to(REPOSITORY / "data_configs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jet_commands, "count_jets", lambda _: 50_000)
    monkeypatch.setattr(jet_commands, "sources", lambda *_: ["jets.root"])
    plan = read_plan(path)
    for entry in (*plan.tasks.values(), *plan.pretrainings.values()):
        assert Path(entry.data_config).exists()
    for entry in (*plan.methods.values(), *plan.pretrainings.values()):
        assert Path(config_path(entry.network)).exists()
    for run in cells.pretraining_runs(plan):
        understood(plan.pretrainings[run.name].network, weaver_commands.pretrain(plan, run))
    for start, view in cells.probed(plan):
        understood(plan.pretrainings[start.run.name].network, weaver_commands.embed(plan, start, view))
    for cell in cells.cells(plan):
        if cell.seed != plan.tasks[cell.task].seeds[0]:
            continue  # another number in the same words
        method = plan.methods[cells.network_of(plan, cell).method]
        for recipe in method.tried:
            understood(method.network, weaver_commands.train(plan, cell, recipe))
            for name in cells.degradations_of(plan, cell):
                understood(method.network, weaver_commands.predict_degraded(plan, cell, recipe, name))


def set_entry(content, path, value):
    *folders, name = path.split("/")
    for folder in folders:
        content = content[folder]
    if value is None:
        del content[name]
    else:
        content[name] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("size", 3, "size is 3"),
        ("sise", "quick", "unknown sise"),
        ("methods/part/rates", [0.1], "same number of rates"),
        ("methods/part/rates", ["1e-3"], "methods: part: rates is"),
        ("methods/part/weavr", "", "methods: part: unknown weavr"),
        ("methods/part/recipes", {"a": ""}, "methods: part: give rates or recipes"),
        ("methods/part/network", "pard", "methods: part: there is no network pard"),
        ("methods/part/network", "mpm_pretrain", "methods: part: network is 'mpm_pretrain', which pre-trains"),
        ("methods/part/weaver", "-o num_layer 1", "methods: part: unknown option -o num_layer"),
        ("methods/part/weaver", "-o 'a", "no command line"),
        ("methods/finetuned/pretraining", None, "methods: finetuned: hepjepa_finetune starts from nothing"),
        ("methods", None, "has no 'methods'"),
        ("tasks/toy/seeds", [], "tasks: toy: seeds or labels are none"),
        ("tasks/toy/pretrainings", {"jepa": "mpm"}, "tasks: toy: pretrainings has to name one of hepjepa for 'jepa'"),
        ("tasks/toy/pretrainings", {}, "tasks: toy: pretrainings has to name one of hepjepa for 'jepa'"),
        ("tasks/toy/pretrainings", {"jepa": ["hepjepa"] * 2}, "tasks: toy: pretrainings names one twice"),
        ("tasks/toy/labels", [5, 2], "tasks: toy: labels are [5, 2]"),
        ("tasks/toy/labels", [0, 2], "tasks: toy: labels are [0, 2]"),
        ("methods/log", METHOD, "'log' cannot be the name"),
        ("methods/a b", METHOD, "'a b' cannot be the name"),
        ("pretrainings/all", {}, "pretrainings: all: missing"),
        ("output", "runs/my study", "output is 'runs/my study'"),
        ("training/epochs", 0, "training: epochs, passes and batch_size"),
        ("training/passes", {2: 0}, "training: epochs, passes and batch_size"),
        ("training/validation_jets", 9, "training: validation_jets is less than one for each of the 10 classes of toy"),
        ("training/weaver", "-o poling mean", "unknown option -o poling"),
        ("training/try_with", "some", "training: try_with is 'some'"),
        ("degradations/dropped/drop", 1.5, "degradations: dropped: drop is 1.5"),
        ("degradations", {"test": {"title": "a", "drop": 0.5}}, "'test' cannot be the name"),
        ("tasks/toy/degradations", ["noise"], "tasks: toy: degradations has no noise"),
        ("tasks/toy/background", "qcd", "tasks: toy: background is 'qcd'"),
        ("tasks/toy/data_config", "data_configs/none.yaml", "data config data_configs/none.yaml does not exist"),
        ("tasks/toy/test", None, "tasks: toy: give val and test, or held_out"),
        ("tasks/toy/held_out", [5, 5], "tasks: toy: give val and test, or held_out"),
        ("tasks/toy/mixture", ["A", "B"], "tasks: toy: mixture is two classes"),
        ("tasks/toy/background_jets", 10, "tasks: toy: background_jets is of mixtures"),
        ("tasks/toy/suffix", ".h5", "tasks: toy: suffix is '.h5'"),
        ("tasks/toy/labels", [1, 5], "training: passes has no entry for 1 labels"),
        ("pretrainings/hepjepa/jets_seen", 31, "pretrainings: hepjepa: jets_seen is less than one batch"),
        ("pretrainings/hepjepa/network", "part", "pretrainings: hepjepa: network is 'part'"),
        ("training/epochs", "many", "training: epochs is 'many'"),
        ("pretraining_defaults", [], "pretraining_defaults is []"),
    ],
)
def test_what_does_not_fit_is_named(content, write_plan, at_the_top, path, value, message):
    set_entry(content, path, value)
    with pytest.raises(UserError) as caught:
        read_plan(write_plan(content))
    assert message in str(caught.value)
    assert "plan.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("pretrainings/reference/seeds", [0.5], "pretrainings: reference: seeds is"),
        ("pretrainings/reference/seeds", [1, 1], "pretrainings: reference: seeds are [1, 1]"),
        ("pretrainings/reference/seed", 1, "pretrainings: reference: give seed or seeds"),
        ("pretrainings/reference/growth", [2], "pretrainings: reference: growth is [2], but must rise between 1 and 1"),
        ("pretrainings/reference/probes", ["mean"], f"{VIEW}, context_mean, target_class, target_mean, not 'mean'"),
        ("pretrainings/reference/probes", ["target_class"], None),
        (
            "pretrainings/mpm/probes",
            ["target_mean"],
            "mpm: probe target_mean: mpm_pretrain has no target",
        ),
        ("pretrainings/mpm/options", "-o num_layer 1", "pretrainings: mpm: unknown option -o num_layer"),
        ("pretrainings/mpm/options", "-o tokens patches", "pretrainings: mpm: option -o tokens"),
        ("pretrainings/mpm/options", "-o 'a", 'pretrainings: mpm: "-o \'a" is no command line'),
        ("pretrainings/mpm/shared", "-o event_weight 1", "pretrainings: mpm: unknown option -o event_weight"),
        ("probe_labels", None, "pretrainings: reference: there are probes, but probe_labels"),
        ("pretraining_defaults/batch_size", 0, "jets_seen is less than one batch"),
        ("pretraining_defaults/jets_seen", None, "pretrainings: reference: missing jets_seen"),
        ("pretraining_defaults/network", "mpm", "pretrainings: reference: there is no network mpm"),
    ],
)
def test_what_does_not_fit_settings_is_named(settings, write_plan, at_the_top, path, value, message):
    set_entry(settings, path, value)
    if message is None:
        assert read_plan(write_plan(settings)).pretrainings["reference"].probes == (value[0],)
        return
    with pytest.raises(UserError) as caught:
        read_plan(write_plan(settings))
    assert message in str(caught.value)


def test_all_labels_alone_are_enough(content, write_plan, at_the_top):
    content["tasks"]["toy"]["labels"] = []
    assert read_plan(write_plan(content)).tasks["toy"].counts() == ["all"]


def test_a_study_from_scratch_needs_no_pretraining(content, write_plan, at_the_top):
    del content["pretrainings"], content["methods"]["finetuned"], content["tasks"]["toy"]["pretrainings"]
    assert list(cells.networks(read_plan(write_plan(content)), "toy")) == ["part"]


def test_a_setting_has_the_defaults_of_all_unless_it_says_otherwise(plan_of_settings):
    reference, mpm = plan_of_settings.pretrainings.values()
    assert (reference.network, mpm.network) == ("hepjepa_pretrain", "mpm_pretrain")
    assert reference.jets_seen == mpm.jets_seen == 320
    assert reference.all_seeds == (0, 1)
    assert mpm.all_seeds == (0,)


def test_a_recipe_needs_a_learning_rate(content, write_plan, at_the_top):
    for method in content["methods"].values():
        method |= {"rates": [], "recipes": {"slow": "--start-lr 1e-4", "fast": "--start-lr 1e-2"}}
    assert [recipe.name for recipe in read_plan(write_plan(content)).methods["part"].tried] == ["slow", "fast"]
    content["methods"]["part"]["recipes"]["fast"] = ""
    with pytest.raises(UserError, match=r"recipe fast.*--start-lr"):
        read_plan(write_plan(content))
    content["methods"]["part"]["recipes"] = {"a/b": "--start-lr 1e-4", "c": "--start-lr 1e-4"}
    with pytest.raises(UserError, match="'a/b' cannot be the name of a recipe"):
        read_plan(write_plan(content))


def test_a_data_set_in_one_piece(content, write_plan, at_the_top):
    task = content["tasks"]["toy"]
    del task["val"], task["test"]
    task |= {"held_out": [2, 3], "all_labels": False}
    assert read_plan(write_plan(content)).tasks["toy"].held_out == (2, 3)
    for wrong in ([2], [0, 3]):
        with pytest.raises(UserError, match="held_out is two numbers"):
            read_plan(write_plan(content | {"tasks": {"toy": task | {"held_out": wrong}}}))
    for jets, message in ((9, "background_jets is 9"), (4, "background_jets is 4"), (40, "two classes, as JetClass_")):
        mixture = task | {"mixture": ["A", "B"], "background_jets": jets}
        with pytest.raises(UserError, match=message):
            read_plan(write_plan(content | {"tasks": {"toy": mixture}}))
    content["training"]["try_with"] = "all_seeds"
    with pytest.raises(UserError, match=r"try_with all_seeds.*held_out"):
        read_plan(write_plan(content))


@pytest.mark.parametrize("text", [None, "a: [", "3"])
def test_what_is_no_plan_is_refused(tmp_path, text):
    path = tmp_path / "plan.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match="plan"):
        read_plan(path)
