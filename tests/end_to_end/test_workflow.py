"""The workflow of a study, on toy jets: snakemake drives weaver from labels to report."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies.read_plan import read_plan
from hepjepa_weaver.studies.study_report import write_study_report
from hepjepa_weaver.studies.workflow import run_study
from hepjepa_weaver.training.checkpoints import epochs_done
from tests.helpers.study_plan import CONTENT, REPOSITORY
from tests.helpers.toy_jets import write_toy_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("workflow"),  # a whole study is run once, for all of these
    pytest.mark.timeout(1800),  # a whole study, beside whatever else the machine does
    pytest.mark.skipif(sys.version_info < (3, 11), reason="snakemake 9 needs Python 3.11"),
]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
JOBS = {
    "pretrain": 2,
    "embed": 4,
    "probe": 4,
    "subset": 1,
    "validation": 1,
    "apart": 1,
    "train": 3,
    "choose_recipe": 3,
    "metrics": 8,
    "report": 1,
}
"""Those that are known before a recipe is chosen: trainings of the first seeds."""


def small_study() -> dict:
    """Two seeds of a pre-training, measured on the way and at its end, beside ParT, with one learning rate."""
    content = yaml.safe_load(yaml.safe_dump(CONTENT))
    content["training"] |= {"epochs": 1, "passes": {1: 1}}
    content["tasks"]["toy"] |= {"labels": [5], "all_labels": False, "seeds": [0]}
    content["pretrainings"]["hepjepa"] |= {"seeds": [0, 1], "growth": [1], "probes": ["context_mean"]}
    content["probe_labels"] = 100
    for method in content["methods"].values():
        method["rates"] = [0.003]
        method["weaver"] = method.get("weaver", "") + " --optimizer AdamW"
    return content


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the repository, with toy jets and a plan of its own."""
    folder = tmp_path_factory.mktemp("study")
    for name in ("scripts", "network_configs", "data_configs"):
        (folder / name).symlink_to(REPOSITORY / name)
    for seed, split in enumerate(("train", "val", "test")):
        write_toy_files(folder / split, jets_per_class=30, seed=seed)
    (folder / "plan.yaml").write_text(yaml.safe_dump(small_study()))
    return folder


def start(work: Path, *options: str) -> subprocess.Popen[str]:
    """Start the workflow, in a process group of its own, with the scripts' Python of this environment."""
    command = [SNAKEMAKE, "-s", "scripts/studies/Snakefile", "--nocolor", *options]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        list(map(str, command)), cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PATH": path, "HOME": str(work), "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


def run(work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the workflow to its end."""
    process = start(work, *options)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def snakemake(work: Path, *options: str) -> str:
    """Run the workflow on the plan and return what it says."""
    done = run(work, "--config", "plan=plan.yaml", *options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def jobs_in(plan: str) -> dict[str, int]:
    """Jobs by rule in the table of a dry run."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", plan, re.MULTILINE)}


@pytest.fixture(scope="module")
def finished(work: Path) -> Path:
    """The folder after the whole study has run."""
    snakemake(work, "-c2", "--quiet")
    return work


def test_the_report_holds_every_network_and_figure(finished: Path):
    folder = finished / "runs" / "toy" / "report"
    report = (folder / "report.md").read_text()
    for title in ("HEP-JEPA, fine-tuned", "ParT from scratch", "half dropped", "2502.03933"):
        assert title in report
    for kind in ("labels", "roc", "calibration", "confusion"):
        assert f"(toy_{kind}.png)" in report
        assert (folder / f"toy_{kind}.png").read_bytes().startswith(b"\x89PNG")
    assert "weaver --network-config network_configs/part.py" in report
    commands = (folder / "commands.txt").read_text().splitlines()
    programs = Counter(" ".join(command.split()[: 1 + command.startswith("hepjepa")]) for command in commands)
    assert programs == {
        "weaver": 14,  # two pre-trainings, four embeddings, five trainings, three predictions of degraded jets
        "python": 4,  # probes
        "hepjepa check-apart": 1,
        "hepjepa subset": 2,
        "hepjepa degrade": 1,
        "hepjepa evaluate": 8,
    }
    assert str(finished) not in report
    assert "ECE: expected calibration error" in report
    assert not re.search(r"\{\w+\}", report)  # nothing was left to be filled in


def rows_of(text: str, heads: str) -> list[list[str]]:
    """The rows of a Markdown table by its first heads."""
    lines = text[text.index(f"| {heads}") :].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_report_tells_seeds_apart_and_shows_growth_and_probes(finished: Path):
    folder = finished / "runs" / "toy" / "report"
    report = (folder / "report.md").read_text()
    seeds = {row[1]: row[2] for row in rows_of(report, "labels a class | network | seeds")}
    assert seeds == {"HEP-JEPA, fine-tuned": "2 × 1", "ParT from scratch": "1"}
    (spreads,) = rows_of(report, "labels a class | network | pre-training seeds")
    assert spreads[2:4] == ["2", "1"]
    growth = rows_of(report, "network | jets seen")
    assert [row[1:3] for row in growth] == [["160", "2 × 1"], ["320", "2 × 1"]]
    assert all(0 <= float(row[3].split()[0]) <= 1 for row in growth)
    history = rows_of((folder / "pretrainings.md").read_text(), "pre-training | seed | jets seen")
    assert [row[:3] for row in history] == [["hepjepa", seed, jets] for seed in "01" for jets in ("160", "320")]
    assert all(float(row[6]) > 1 for row in history)  # effective rank
    (setting,) = rows_of(report, "pre-training | seeds | jets seen")
    assert setting[:3] == ["hepjepa", "2", "320"]


def test_the_short_version_goes_into_its_place_on_a_page(finished: Path, monkeypatch):
    page, plan_file = finished / "page.md", Path("plan.yaml")
    monkeypatch.chdir(finished)
    plan = read_plan(plan_file)
    page.write_text("before\n<!-- begin other -->\n<!-- end other -->\n")
    with pytest.raises(UserError, match="<!-- begin plan -->"):
        write_study_report(plan, plan_file, Path("again/report.md"), page)
    page.write_text("before\n<!-- begin plan -->\nold\n<!-- end plan -->\nafter\n")
    for _ in range(2):
        write_study_report(plan, plan_file, Path("again/report.md"), page)
        text = page.read_text()
        assert text.startswith("before\n<!-- begin plan -->\n| Toy jets | accuracy, 5 labels | AUC, 5 labels |\n")
        assert text.endswith("\n<!-- end plan -->\nafter\n")
        assert "old" not in text
        assert text.count("ParT from scratch") == 2  # intact and degraded test jets
        assert "| network | as they are | half dropped |" in text


def test_common_jets_were_looked_for(finished: Path):
    text = (finished / "runs/toy/labels/toy/apart.txt").read_text()
    assert text == "train: 300 jets\nvalidation: 300 jets\ntest: 300 jets\n"


def test_test_jets_in_training_stop_the_study(work: Path):
    content = small_study()
    content["output"] = "runs/leak"
    content["tasks"]["toy"]["test"] = "val"
    (work / "leak.yaml").write_text(yaml.safe_dump(content))
    done = run(work, "--config", "plan=leak.yaml", "-c1", "runs/leak/labels/toy/apart.txt")
    assert done.returncode
    leak = "30 jets of val/HToBB_000.root"
    assert leak in done.stdout + done.stderr


def test_a_killed_pretraining_goes_on_at_its_last_epoch(work: Path):
    content = small_study()
    content["output"] = "runs/killed"
    content["pretrainings"]["hepjepa"] |= {"epochs": 3, "jets_seen": 16 * 30, "seeds": []}
    (work / "killed.yaml").write_text(yaml.safe_dump(content))
    folder = work / "runs/killed/pretrained/hepjepa"
    target = ("--config", "plan=killed.yaml", "-c1", "runs/killed/pretrained/hepjepa/done.txt")
    process = start(work, *target)
    while not (folder / "net_epoch-1_state.pt").exists():  # so that the files of epoch 0 are whole
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = epochs_done(folder / "net")
    assert 1 <= done < 3
    assert run(work, "--config", "plan=killed.yaml", "--unlock").returncode == 0
    assert run(work, *target, "--rerun-incomplete").returncode == 0
    log = (folder / "log.txt").read_text()
    assert [log.count(f"Epoch #{epoch} training") for epoch in range(done)] == [1] * done
    assert "Epoch #2 training" in log
    content["pretrainings"]["hepjepa"]["options"] = "--start-lr 1e-2"
    (work / "killed.yaml").write_text(yaml.safe_dump(content))
    before = sorted(folder.glob("net_*.pt"))
    changed = run(work, *target)
    assert sorted(folder.glob("net_*.pt")) == before
    assert changed.returncode
    assert "of another command than this one, or of other jets" in changed.stdout + changed.stderr


def test_a_missing_plan_is_named(work: Path):
    done = run(work, "-n")
    assert "no plan: add --config plan=" in done.stdout + done.stderr


def test_jets_are_drawn_again_where_snakemake_asks_for_it(finished: Path):
    """As after a change of the plan; the same jets are what is there already."""
    drawn = ("runs/toy/labels/toy/5_seed0.txt", "runs/toy/labels/toy/validation.txt")
    manifests = [(finished / path).with_suffix("") / "manifest.json" for path in drawn]
    before = [path.read_text() for path in manifests]
    snakemake(finished, "-c1", "--force", *drawn)
    assert all("already there" in (finished / path).read_text() for path in drawn)
    assert [path.read_text() for path in manifests] == before
    snakemake(finished, "-c1", "--quiet", "--touch")


def test_what_is_done_is_not_done_again(finished: Path, monkeypatch, capfd):
    monkeypatch.chdir(finished)
    assert run_study(Path("plan.yaml"), 1, ["-n"]) == 0
    assert "Nothing to be done" in "".join(capfd.readouterr())


def test_one_network_is_done_again_by_hand_without_the_other(finished: Path):
    """Its metrics and training gone: labels, pre-trainings and the other networks are left alone."""
    lost = [finished / f"runs/toy/{folder}/toy/part" for folder in ("trained", "metrics")]
    for number, folder in enumerate(lost):
        shutil.move(folder, finished / f"kept{number}")
    plan = snakemake(finished, "-n", "runs/toy/metrics/toy/part/5/intact/seed0.json")
    for number, folder in enumerate(lost):
        shutil.move(finished / f"kept{number}", folder)
    jobs = jobs_in(plan)
    assert (jobs.pop("train"), jobs.pop("metrics")) == (1, 1)
    assert set(jobs) <= {"choose_recipe", "total"}


@pytest.mark.parametrize("profile", ["slurm", "htcondor"])
def test_a_farm_takes_the_same_plan(work: Path, profile: str):
    """A dry run of everything: each job that is known before the learning rates are chosen."""
    plan = snakemake(work, "-n", "-F", "--profile", f"scripts/studies/profiles/{profile}")
    jobs = jobs_in(plan)
    assert jobs.items() >= JOBS.items()
    assert "mem_mb=16000" in plan
