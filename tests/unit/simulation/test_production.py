"""Many files: workers, a second run, interruption, the command line."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import awkward as ak
import numpy as np
import pytest
import uproot
from weaver.utils.data.fileio import _read_files

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.workers import run_workers
from hepjepa_weaver.simulation.jet_table import GENERATOR_BRANCHES, JET_BRANCHES, PARTICLE_BRANCHES
from hepjepa_weaver.simulation.processes import LABELS, find_process
from hepjepa_weaver.simulation.production import make_file, plan_files, produce
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.hepjepa_command import AS_INSTALLED, run
from tests.helpers.messages import names, naming
from tests.helpers.waiting import PATIENCE, wait_until

STEMS = ("HToBB", "TTBarLep")


def plan(directory, seed=1):
    jets = {"train": 12, "val": 5}
    return plan_files(directory, [find_process(stem) for stem in STEMS], jets, jets_per_file=8, seed=seed)


def content(file):
    with uproot.open(file.path) as root:
        return root["tree"].arrays()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    files = plan(tmp_path_factory.mktemp("one_worker"))
    assert produce(files, n_workers=1) == len(files) == 6
    return files


@pytest.mark.slow
def test_two_workers_make_the_same_files(made, tmp_path):
    files = plan(tmp_path)
    assert produce(files, n_workers=2) == 6
    for one, other in zip(made, files, strict=True):
        assert ak.array_equal(content(one), content(other))


@pytest.mark.slow
def test_files_hold_different_jets(made):
    pt = np.concatenate([np.asarray(content(file).jet_pt) for file in made])
    assert len(np.unique(pt)) == len(pt) == 2 * (12 + 5)


@pytest.mark.slow
def test_schema(made):
    with uproot.open(made[0].path) as root:
        assert root["tree"].classname == "TTree"
        branches = {name: branch.typename for name, branch in root["tree"].items()}
    counter = {"npart": "int32_t"}  # uproot's way of writing ragged branches
    assert branches == {
        **{f"part_{name}": "float[]" for name in PARTICLE_BRANCHES},
        **dict.fromkeys((*JET_BRANCHES, *GENERATOR_BRANCHES), "float"),
        **dict.fromkeys(LABELS, "int32_t"),
        **counter,
    }


@pytest.mark.slow
def test_weaver_reads_the_files(made):
    names = ["part_px", "part_d0val", "part_isMuon", "jet_pt", *LABELS]
    train = [str(file.path) for file in made if file.split == "train"]
    jets = _read_files(train, names)
    assert len(jets) == 24
    labels = np.stack([np.asarray(jets[label]) for label in LABELS], axis=1)
    np.testing.assert_array_equal(labels.sum(axis=1), 1)
    assert labels[:, LABELS.index("label_Hbb")].sum() == 12
    assert labels[:, LABELS.index("label_Tbl")].sum() == 12


@pytest.mark.slow
def test_a_second_run_makes_only_what_is_missing(made):
    made[0].path.unlink()
    kept = [file.path.stat().st_mtime_ns for file in made[1:]]
    assert produce(made, n_workers=1) == 1
    assert [file.path.stat().st_mtime_ns for file in made[1:]] == kept
    assert produce(made, n_workers=2) == 0


@pytest.mark.slow
def test_a_second_run_with_another_seed_is_refused(made):
    with pytest.raises(UserError, match=naming("HToBB_000.root", "seed", 1, 2)):
        produce(plan(made[0].directory, seed=2), n_workers=1)


@pytest.mark.slow
def test_a_worker_reports_what_went_wrong(tmp_path):
    """A folder takes the file's name, so that the last step, the renaming, fails."""
    files = plan(tmp_path)[:1]
    (files[0].path / "in_the_way").mkdir(parents=True)
    with pytest.raises(UserError, match=naming("write", "HToBB_000.root")):
        run_workers(make_file, files, [tmp_path / "train"], 1, lambda _: None)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_a_worker_killed_outright_ends_the_run_and_leaves_no_part(tmp_path):
    files = plan_files(tmp_path, [find_process("Tbl")], {"train": 4000}, jets_per_file=2000, seed=1)

    def kill_one():
        wait_until(lambda: any(tmp_path.glob("train/.*.part")))
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(UserError, match=naming(-9)):
        produce(files, n_workers=2)
    killer.join()
    assert multiprocessing.active_children() == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("package", ["pythia8mc", "fastjet"])
def test_a_missing_package_is_named_with_the_remedy(package, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=naming(package, "hepjepa-weaver[jets]")):
        produce(plan(tmp_path), n_workers=1)


def run_command(*arguments):
    return run([*AS_INSTALLED, "jets", "MiniJetClass", *arguments])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--classes", "HToXX", "-d", "."], ("HToXX", "ZJetsToNuNu")),
        (["-d", ".", "--train", "-1"], ("--train", -1, 0)),
        (["-d", ".", "--jobs", "0"], ("--jobs", 0, 1)),
        (["-d", "/dev/null/jets"], ("/dev/null/jets",)),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, named):
    result = run_command(*arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert names(result.stderr, *named)
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("n_workers", [1, 2])
def test_interruption_leaves_no_file(tmp_path, n_workers):
    process = subprocess.Popen(
        [*AS_INSTALLED, "jets", "MiniJetClass", "-d", tmp_path, "--classes", *STEMS, "--jobs", str(n_workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a background job of a shell has SIGINT ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    wait_until(lambda: any(tmp_path.glob("train/.*.part")), lambda: process.poll() is None)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert errors.rstrip().endswith("interrupted")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_benchmark_prints_a_table_and_nothing_else():
    words = ["scripts/benchmarks/benchmark_jets.py", "MiniJetClass", "--jets", "5", "--classes", "WToQQ"]
    result = subprocess.run([sys.executable, *words], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("|") for line in lines)
    assert lines[3].startswith("| all classes |")
