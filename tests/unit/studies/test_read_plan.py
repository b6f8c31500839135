from pathlib import Path

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import FinetuneConfig, ParticleNetConfig, ParticleTransformerConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.search.settings import CONFIGS, options_in
from hepjepa_weaver.studies import commands
from hepjepa_weaver.studies.plan import Cell
from hepjepa_weaver.studies.reading import read_grid
from tests.helpers.networks import REPOSITORY

pytestmark = pytest.mark.usefixtures("at_the_top")
CLASSIFIERS = {"hepjepa_finetune": FinetuneConfig, "part": ParticleTransformerConfig, "particlenet": ParticleNetConfig}
PLANS = sorted((REPOSITORY / "scripts/grids").glob("*.yaml"))
METHOD = {"title": "a", "network": "part", "rates": [0.1, 0.2]}


@pytest.fixture
def at_the_top(monkeypatch):
    """Plans name files from there."""
    monkeypatch.chdir(REPOSITORY)


def test_a_degradation_must_not_have_the_name_of_another_file(content, write_plan):
    content["degradations"] = {"test": {"title": "a", "drop": 0.5}}
    content["tasks"]["toy"]["degradations"] = ["test"]
    with pytest.raises(UserError, match=r"'test' cannot be the name of a file: take .*, but not test"):
        read_grid(write_plan(content))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_shipped_plans_ask_for_what_exists(path):
    plan = read_grid(path)
    for entry in (*plan.tasks.values(), *plan.pretrainings.values()):
        assert (REPOSITORY / entry.data_config).exists()
    for entry in (*plan.methods.values(), *plan.pretrainings.values()):
        assert (REPOSITORY / f"network_configs/{entry.network}.py").exists()


def make_file(place: Path, suffix: str) -> None:
    """A file that stands for the jets of `place`, a file or a directory."""
    file = place if place.suffix == suffix else place / f"A_000{suffix}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_networks_understand_the_options_of_the_shipped_plans(path, tmp_path, monkeypatch):
    """Every command of every cell, on files that stand for the jets."""
    plan = read_grid(path)
    (tmp_path / "data_configs").symlink_to(REPOSITORY / "data_configs")
    monkeypatch.chdir(tmp_path)
    for entry in (*plan.tasks.values(), *plan.pretrainings.values()):
        for place in filter(None, (entry.train, entry.val, getattr(entry, "test", ""))):
            make_file(tmp_path / place.replace("*[0-689]", "0").replace("*", "7"), getattr(entry, "suffix", ".root"))
    monkeypatch.setattr(commands, "count_jets", lambda _: 50_000)
    for name, run in plan.pretrainings.items():
        config_from_options(CONFIGS[run.network], options_in(commands.pretrain(plan, name)))
    for cell in plan.cells():
        network = plan.methods[cell.method].network
        config_from_options(CLASSIFIERS[network], options_in(commands.train(plan, cell, "0.001")))
    for cell, name in plan.degraded_cells():
        network = plan.methods[cell.method].network
        config_from_options(CLASSIFIERS[network], options_in(commands.predict_degraded(plan, cell, "0.001", name)))


def test_every_entry_of_the_grid_comes_once(plan):
    cells = list(plan.cells())
    assert len(cells) == len(set(cells)) == 2 * 3 * 2
    assert cells[0] == Cell("toy", "finetuned", "2", 0)
    assert {cell.labels for cell in cells} == {"2", "5", "all"}


def test_those_of_most_labels_are_tested_on_degraded_jets(plan):
    assert [(cell.method, cell.labels, cell.seed, name) for cell, name in plan.degraded_cells()] == [
        (method, "all", seed, "dropped") for method in ("finetuned", "part") for seed in (0, 1)
    ]


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
        ("methods/part/rates", [0.1], "every method has to get the same number of rates"),
        ("methods/part/rates", ["1e-3"], "methods: part: rates is"),
        ("methods/part/weavr", "", "methods: part: unknown weavr; entries are title, network"),
        ("methods", None, "has no 'methods'"),
        ("tasks/toy/labels", [], None),
        ("tasks/toy/seeds", [], "tasks: toy: seeds or labels are none"),
        ("tasks/toy/pretrainings", {"jepa": "mpm"}, "tasks: toy: pretrainings has to name one of hepjepa for 'jepa'"),
        (
            "tasks/toy/pretrainings",
            {},
            "tasks: toy: pretrainings has to name one of hepjepa for 'jepa', as m",
        ),
        ("tasks/toy/labels", [5, 2], "tasks: toy: labels are [5, 2], but must be 1 or more and rising"),
        ("tasks/toy/labels", [0, 2], "tasks: toy: labels are [0, 2], but must be 1 or more and rising"),
        ("methods/log", METHOD, "'log' cannot be the name of a file"),
        ("methods/a b", METHOD, "'a b' cannot be the name of a file: take letters, digits, _ and -"),
        ("output", "runs/my grid", "output is 'runs/my grid', but must be a path without blanks"),
        ("training/epochs", 0, "training: epochs, passes and batch_size have to be 1 or more"),
        ("training/passes", {2: 0}, "training: epochs, passes and batch_size have to be 1 or more"),
        ("training/validation_jets", 9, "training: validation_jets is less than one for each of the 10 classes of toy"),
        ("degradations/dropped/drop", 1.5, "degradations: dropped: drop is 1.5: it has to be at least 0 and below 1"),
        ("tasks/toy/degradations", ["noise"], "tasks: toy: degradations has no noise"),
        ("tasks/toy/background", "qcd", "tasks: toy: background is 'qcd', but there is QCD, Hbb"),
        ("tasks/toy/data_config", "data_configs/none.yaml", "data config data_configs/none.yaml does not exist"),
        ("tasks/toy/test", None, "tasks: toy: give val and test, or held_out"),
        ("tasks/toy/held_out", [5, 5], "tasks: toy: give val and test, or held_out"),
        ("tasks/toy/suffix", ".h5", "tasks: toy: suffix is '.h5'"),
        ("tasks/toy/labels", [1, 5], "training: passes has no entry for 1 labels or fewer, as task toy asks"),
        ("pretrainings/hepjepa/jets_seen", 31, "pretrainings: hepjepa: jets_seen is less than one batch"),
        ("training/epochs", "many", "training: epochs is 'many', but must be int"),
    ],
)
def test_what_does_not_fit_is_named(content, write_plan, path, value, message):
    set_entry(content, path, value)
    if message is None:
        assert read_grid(write_plan(content)).tasks["toy"].counts() == ["all"]
        return
    with pytest.raises(UserError) as caught:
        read_grid(write_plan(content))
    assert message in str(caught.value)
    assert "plan.yaml" in str(caught.value)


def test_a_data_set_in_one_piece(content, write_plan):
    task = content["tasks"]["toy"]
    del task["val"], task["test"]
    task |= {"held_out": [2, 3], "all_labels": False}
    assert read_grid(write_plan(content)).tasks["toy"].held_out == (2, 3)
    for wrong in ([2], [0, 3]):
        with pytest.raises(UserError, match="held_out is two numbers"):
            read_grid(write_plan(content | {"tasks": {"toy": task | {"held_out": wrong}}}))
