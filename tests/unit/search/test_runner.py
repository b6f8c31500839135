"""A whole search, through the real `weaver` command, on toy jets."""

import subprocess
import sys

import pytest
import torch
import yaml

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.search.commands import epochs_and_steps
from hepjepa_weaver.search.results import read_rows
from hepjepa_weaver.search.runner import run_command
from tests.helpers.networks import REPOSITORY
from tests.helpers.toy_jets import write_toy_files
from tests.unit.search.test_plan import SMALL

SETTINGS = {
    "scratch": {"network": "scratch"},
    "mpm": {"network": "mpm_pretrain", "shared": "-o num_layers 1", "views": ["context_mean"]},
    "class token": {
        "network": "hepjepa_pretrain",
        "options": "-o event_weight 1 -o event_latent class",
        "grows": False,
        "views": ["target_mean", "target_class", "context_mean", "context_class"],
    },
}


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder of a search that has run; its jets and plan are beside it."""
    folder = tmp_path_factory.mktemp("search")
    for seed, split in enumerate(("train", "val", "test")):
        write_toy_files(folder / "jets" / split, jets_per_class=40, seed=seed)
    budget = {**SMALL["pretraining"], "jets_seen": 160, "batch_size": 20, "growth": [1]}
    tuning = {**SMALL["finetuning"], "labels": [5, 6], "passes": {5: 2, 6: 1}}
    plan = {**SMALL, "pretraining": budget, "finetuning": tuning, "settings": SETTINGS}
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    assert "| scratch |" in search(folder).stdout
    return folder


def search(folder, *options):
    command = [sys.executable, REPOSITORY / "scripts/recipe_search.py", folder / "plan.yaml"]
    command += ["-d", folder / "jets", "-o", folder / "out", "--jobs", "2", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.slow
def test_every_setting_is_probed_and_fine_tuned(searched):
    rows = read_rows(searched / "out/results.csv")
    tuned = [row for row in rows if row.measure == "accuracy"]
    assert {(row.setting, row.labels, row.jets_seen) for row in tuned} == {
        ("scratch", 5, 0),
        ("scratch", 6, 0),
        ("mpm", 5, 80),
        *((name, labels, 160) for name in ("mpm", "class token") for labels in (5, 6)),
    }
    assert all(0 <= row.value <= 1 and 0 <= row.validation <= 1 for row in tuned)
    views = {(row.setting, row.view, row.jets_seen) for row in rows if row.measure == "probe"}
    class_token = {("class token", f"{e}_{p}", 160) for e in ("target", "context") for p in ("mean", "class")}
    assert views == {("mpm", "context_mean", 80), ("mpm", "context_mean", 160), *class_token}


@pytest.mark.slow
def test_started_again_it_does_nothing_twice(searched):
    before = (searched / "out/results.csv").read_text()
    done = search(searched)
    assert done.returncode == 0
    assert " seed 0, " not in done.stdout
    assert (searched / "out/results.csv").read_text() == before


@pytest.mark.slow
def test_an_interrupted_pretraining_goes_on(searched):
    for path in (searched / "out/mpm/seed0").glob("net_epoch-1_*.pt"):
        path.unlink()
    rows = read_rows(searched / "out/results.csv")
    assert search(searched, "--only", "mpm").returncode == 0
    assert (searched / "out/mpm/seed0/pretrain_from-0001.log").exists()
    assert (searched / "out/mpm/seed0/net_epoch-1_state.pt").exists()
    assert torch.load(searched / "out/mpm/seed0/net_epoch-1_state.pt", weights_only=True)["step"] == 8
    assert "Epoch #0 training" not in (searched / "out/mpm/seed0/pretrain_from-0001.log").read_text()
    assert read_rows(searched / "out/results.csv") == rows


@pytest.mark.slow
def test_a_changed_plan_does_not_take_old_results_for_its_own(searched):
    text = (searched / "plan.yaml").read_text()
    for old, new, wanted in (
        ("num_layers 1", "num_layers 2", "mpm/seed0 came of"),
        ("plain: ''", "plain: --start-lr 1e-4", "mpm, accuracy plain came of"),
    ):
        (searched / "plan.yaml").write_text(text.replace(old, new))
        done = search(searched, "--only", "mpm")
        assert done.returncode == 1
        assert wanted in done.stderr
        assert "| mpm |" in done.stdout
    (searched / "plan.yaml").write_text(text)


def test_a_setting_that_is_not_in_the_plan_is_named(tmp_path):
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump({**SMALL, "settings": SETTINGS}))
    done = search(tmp_path, "--only", "jepa")
    assert done.returncode == 1
    assert "--only jepa: the plan has class token, mpm, scratch" in done.stderr


def test_a_command_that_fails_is_shown_with_its_last_line(tmp_path):
    command = [sys.executable, "-c", "import sys; print('first'); print('why'); sys.exit(3)"]
    with pytest.raises(UserError, match=r"failed, see .*one\.log: why"):
        run_command(command, tmp_path / "one.log")


@pytest.mark.parametrize(
    ("passes", "labels", "expected"), [(40, 500, (20, 20)), (5, 500, (5, 10)), (1, 10, (1, 1)), (30, 2000, (20, 60))]
)
def test_passes_become_twenty_epochs_at_most(passes, labels, expected):
    assert epochs_and_steps(passes, labels, 50) == expected
