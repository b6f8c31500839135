"""The real `weaver` command, on the shipped network configs and toy jets."""

import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.helpers import forked_commands
from tests.helpers.data_configs import REPOSITORY

WEAVER = Path(sys.executable).with_name("weaver")
DATA_CONFIG = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"
ENCODER = ["-o", "embed_dims", "(16,32,16)", "-o", "pair_embed_dims", "(8,8)", "-o", "num_heads", "4",
           "-o", "num_layers", "1"]  # fmt: skip
PREDICTOR = ["-o", "predictor_dim", "8", "-o", "predictor_layers", "1", "-o", "predictor_heads", "2",
             "-o", "log_every", "2"]  # fmt: skip
FINETUNE = [*ENCODER, "--num-epochs", "1", "--steps-per-epoch", "4", "--steps-per-epoch-val", "3"]
PRETRAIN = [*ENCODER, *PREDICTOR, "--num-epochs", "2", "--steps-per-epoch", "4", "--steps-per-epoch-val", "3"]
LOADING = ["--num-workers", "1", "--fetch-step", "1", "--batch-size", "50"]
FILES = {
    "train": ["--data-train", "train/*.root", "--data-val", "val/*.root"],
    "test": ["--data-test", "test/*.root"],
}


def weaver_words(network, *options, data_config=DATA_CONFIG, split="train"):
    """A command on the CPU; `split` train adds training and validation files, test those to predict.

    Args:
        network: name of a shipped network config, or the path of another one.
    """
    path = network if isinstance(network, Path) else REPOSITORY / f"network_configs/{network}.py"
    command = [WEAVER, "--network-config", path, "--data-config", data_config]
    return list(map(str, [*command, "--gpus", "", *LOADING, *FILES.get(split, []), *options]))


def weaver(work, network, *options, data_config=DATA_CONFIG, split="train", limits=None, from_shell=False):
    """Run it in the folder `work`, so that what it leaves behind stays there.

    Args:
        limits: the most it may use of each `resource.RLIMIT_…`.
        from_shell: start it as a person does, imports included; otherwise it is forked (`forked_commands`).
    """
    words = weaver_words(network, *options, data_config=data_config, split=split)
    return (in_shell if from_shell else forked_commands.run)(words, cwd=work, limits=limits)


def in_shell(words: list[str], cwd: Path, limits: Mapping[int, int] | None) -> subprocess.CompletedProcess[str]:
    """Run a command in an interpreter of its own."""

    def limit() -> None:
        for name, most in (limits or {}).items():
            resource.setrlimit(name, (most, most))

    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, preexec_fn=limit)


def succeeded(done):
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    # What weaver only logs. (Not every ERROR: its loader logs one where the end of a run cuts off its reading ahead.)
    assert "Error in flops" not in done.stdout
    assert "Error when writing" not in done.stdout
    return done.stdout


def refused(done):
    """The last line of stderr of a run that ended with a user's mistake and no traceback."""
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]
