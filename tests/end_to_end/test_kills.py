"""Pre-training killed by SIGKILL again and again, while it trains and while it saves, and resumed each time."""

import os
import random
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import EmaConfig
from hepjepa_weaver.objectives.jepa.ema import momentum_at
from hepjepa_weaver.training.checkpoints import check_epoch, checkpoint_files, is_whole
from tests.helpers.messages import names
from tests.helpers.toy_jets import link_toy_files
from tests.helpers.waiting import wait_until
from tests.helpers.weaver_command import PREDICTOR, refused, succeeded, weaver, weaver_words

pytestmark = pytest.mark.slow


@pytest.fixture
def work(tmp_path: Path, toy_files: Path) -> Path:
    """A folder with jets of two classes; more would only be read."""
    link_toy_files(toy_files, tmp_path, ("HToBB", "ZJetsToNuNu"))
    return tmp_path


STEPS, EPOCHS = 2, 500
LARGE = ["-o", "embed_dims", "(512,512,512)", "-o", "pair_embed_dims", "(8,8)", "-o", "num_heads", "4",
         "-o", "num_layers", "1"]  # fmt: skip
"""Few layers, but checkpoints of some 50 MB, whose writing takes long enough to be killed in."""
OPTIONS = [*LARGE, *PREDICTOR, "--model-prefix", "net", "--optimizer", "AdamW", "--run-mode", "train", "--batch-size",
           "10", "--num-epochs", str(EPOCHS), "--steps-per-epoch", str(STEPS)]  # fmt: skip


@pytest.mark.parametrize("kills", [4, pytest.param(24, marks=pytest.mark.long)])
def test_every_resume_starts_from_a_whole_checkpoint(work: Path, kills: int) -> None:
    rng, load, kill, half_written = random.Random(kills), None, 0, 0
    while kill < kills or half_written < kills // 4:
        assert kill < 3 * kills, "hardly any of the kills hits a checkpoint that is being written"
        kill_after_a_new_epoch(work, load, rng, while_saving=kill % 2 == 1)
        newest = max(int(re.findall(r"-(\d+)_", path.name)[0]) for path in work.glob("net_epoch-*"))
        half_written += not is_whole(work / "net", newest)
        load = epoch_to_resume(work / "net", newest)
        check_counters(work / "net", load)
        forget_older_epochs(work, load)
        kill += 1
    print(f"{kill} kills, {half_written} of them left a half-written checkpoint")
    done = weaver(work, "hepjepa_pretrain", *OPTIONS, "--load-epoch", str(load), "--num-epochs", str(load + 2))
    assert f"Resume training from epoch {load}" in succeeded(done)
    assert all(torch.isfinite(value).all() for value in state(work / "net", load + 1).values())


def kill_after_a_new_epoch(folder: Path, load: int | None, rng: random.Random, while_saving: bool) -> None:
    """Start or resume, wait for a new checkpoint, and kill weaver and its workers soon after; or, `while_saving`, as
    soon as the next file appears."""
    resumed = [] if load is None else ["--load-epoch", str(load)]
    words = weaver_words("hepjepa_pretrain", *OPTIONS, *resumed)
    first = 0 if load is None else load + 1
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    wait_for(checkpoint_files(folder / "net", first)[1], process)
    if while_saving:
        wait_for(rng.choice(checkpoint_files(folder / "net", first + 1)), process)
    else:
        time.sleep(rng.uniform(0, 1.5))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    wait_until(path.exists, lambda: process.poll() is None, pause=0.0005)


def epoch_to_resume(prefix: Path, newest: int) -> int:
    """The newest epoch, or the one that the error for it suggests."""
    try:
        check_epoch(prefix, newest)
    except UserError as error:
        (suggested,) = re.findall(r"go on with --load-epoch (\d+),", str(error))
        return int(suggested)
    return newest


def check_counters(prefix: Path, epoch: int) -> None:
    """Step, momentum and optimiser are where so many epochs without interruption would have them."""
    weights, steps = state(prefix, epoch), (epoch + 1) * STEPS
    assert weights["step"] == steps
    assert weights["ema_momentum"].item() == pytest.approx(momentum_at(EmaConfig(), steps, EPOCHS * STEPS), rel=1e-6)
    optimizer = torch.load(checkpoint_files(prefix, epoch)[1], weights_only=True)
    assert {int(entry["step"]) for entry in optimizer["state"].values()} == {steps}


def forget_older_epochs(folder: Path, epoch: int) -> None:
    """Leave the checkpoints of the epoch to go on from alone: they are large."""
    for path in folder.glob("net_epoch-*"):
        if path not in checkpoint_files(folder / "net", epoch):
            path.unlink()


def state(prefix: Path, epoch: int) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(checkpoint_files(prefix, epoch)[0], weights_only=True)
    return weights


def test_a_full_disk_ends_the_run_and_is_told_on_resume(work: Path) -> None:
    limits = {resource.RLIMIT_FSIZE: 10_000_000}  # bytes of any file
    full = weaver(work, "hepjepa_pretrain", *OPTIONS, limits=limits)
    assert names(refused(full), "checkpoint", "space", "--load-epoch")
    line = refused(weaver(work, "hepjepa_pretrain", *OPTIONS, "--load-epoch", "0"))
    assert re.search(r"net_epoch-0_\w+.pt is not (whole|there).*no earlier epoch is whole: start anew", line)
