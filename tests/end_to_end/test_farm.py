"""The batch jobs without their batch systems: started, interrupted as a farm does it, and started again."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hepjepa_weaver.training.checkpoints import epochs_done
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.toy_jets import link_toy_files
from tests.helpers.waiting import PATIENCE, wait_until
from tests.helpers.weaver_command import ENCODER, PREDICTOR, weaver_words

pytestmark = pytest.mark.slow

EPOCHS = 12  # enough for the second to be noticed before the last
OPTIONS = (*ENCODER, *PREDICTOR, "--num-epochs", str(EPOCHS), "--steps-per-epoch", "2", "--steps-per-epoch-val", "2",
           "--batch-size", "10", "-o", "seed", "1", "--model-prefix", "models/net")  # fmt: skip
COMMAND = ["weaver", *weaver_words("hepjepa_pretrain", *OPTIONS)[1:]]


@pytest.fixture
def repository(tmp_path: Path, toy_files: Path) -> Path:
    """A repository with jets, without an environment of its own."""
    link_toy_files(toy_files, tmp_path, ("HToBB", "ZJetsToNuNu"))
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts")
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    """That of a node, with a `scontrol` that notes what it is asked for, and the `hepjepa` that is tested."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {folder}/scontrol.txt\n')
    (programs / "scontrol").chmod(0o755)
    (programs / "hepjepa").write_text(f'#!/bin/sh\nexec {sys.executable} -m hepjepa_weaver.cli "$@"\n')
    (programs / "hepjepa").chmod(0o755)
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "SLURM_JOB_ID": "42", "SLURM_SUBMIT_DIR": str(folder)}


def start(folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env=environment(folder), start_new_session=True
        )


def wait_for_an_epoch(folder: Path, job: subprocess.Popen[bytes], epochs: int) -> None:
    wait_until(lambda: epochs_done(folder / "models/net") >= epochs, lambda: job.poll() is None, pause=0.01)


def check_continued(folder: Path) -> None:
    log = (folder / "log.txt").read_text()
    (resumed,) = re.findall(r"--load-epoch (\d+) -o seed \d+\n", log)
    assert f"Resume training from epoch {resumed}" in log
    assert log.count("Epoch #0 training") == 1
    assert epochs_done(folder / "models/net") == EPOCHS


def test_a_slurm_job_is_queued_again_before_its_time_is_over_and_goes_on(repository: Path) -> None:
    command = ["bash", "scripts/farm/pretrain.slurm", *COMMAND]
    job = start(repository, command)
    wait_for_an_epoch(repository, job, 2)
    job.send_signal(signal.SIGUSR1)  # to the script alone, as --signal=B:USR1
    assert job.wait(PATIENCE) == 0
    assert (repository / "scontrol.txt").read_text() == "requeue 42\n"
    assert epochs_done(repository / "models/net") < EPOCHS
    assert start(repository, command).wait(PATIENCE) == 0
    check_continued(repository)


def test_an_error_ends_a_slurm_job(repository: Path) -> None:
    job = start(repository, ["bash", "scripts/farm/pretrain.slurm", *COMMAND, "-o", "msk_strategy", "ball"])
    assert job.wait(PATIENCE) == 1
    assert "unknown option -o msk_strategy" in (repository / "log.txt").read_text()
    assert not (repository / "scontrol.txt").exists()


def test_slurm_is_asked_to_queue_a_preempted_job_again() -> None:
    script = (REPOSITORY / "scripts/farm/pretrain.slurm").read_text()
    head = script.partition("\nset ")[0]  # sbatch reads no further than the first command
    directives = re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", head, re.MULTILINE)
    assert script.count("#SBATCH") == len(directives)
    assert {("requeue", ""), ("signal", "B:USR1@60"), ("open-mode", "append")} <= set(directives)


def test_an_evicted_htcondor_job_goes_on(repository: Path) -> None:
    condor = pytest.importorskip("htcondor2")
    description, _, _ = (REPOSITORY / "scripts/farm/pretrain.sub").read_text().partition("\nqueue")
    submit = condor.Submit(description)
    submit["command"] = shlex.join(COMMAND)
    assert submit.expand("on_exit_remove") == "(ExitBySignal == False) && (ExitCode == 0)"
    assert submit.expand("on_exit_hold") == "(ExitBySignal == False) && (ExitCode != 0)"
    arguments = submit.expand("arguments")
    assert arguments[0] == arguments[-1] == '"'  # condor's new syntax, with single quotes as in a shell
    command = [submit.expand("executable"), *shlex.split(arguments[1:-1])]
    job = start(repository, command)
    wait_for_an_epoch(repository, job, 2)
    os.killpg(job.pid, signal.SIGKILL)
    assert job.wait(PATIENCE) == -signal.SIGKILL
    assert start(repository, command).wait(PATIENCE) == 0
    check_continued(repository)
