"""The collapse watch on pre-trainings that do collapse, and on healthy ones, with the real `weaver` command.

On toy jets or, where HEPJEPA_JETS names a folder with `train` and `val` in it, on those.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.helpers import forked_commands
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names
from tests.helpers.toy_jets import write_toy_files
from tests.helpers.weaver_command import DATA_CONFIG, WEAVER, refused, succeeded

pytestmark = pytest.mark.slow

STEPS, LOOK = 400, 10
RATE = "3e-3"
NOTHING_AGAINST_IT = ("composition_weight=0", "particle_weight=1", "variance_weight=0", "covariance_weight=0",
                      "target_norm=none", "target_layers=last")  # fmt: skip
"""Without composition, regularisers and normalised targets: with the latter
momentum 0 does not collapse, the other two still do."""
NO_STOP_GRADIENT = '''
from hepjepa_weaver.objectives.jepa import network as jepa

exec(compile(open({path!r}).read(), {path!r}, "exec"))


class Shortcut(jepa.Jepa):
    """The target is the context encoder itself, with its gradient."""

    def _whole_jets(self, view):
        layers = self.config.target.target_layers
        pairs = jepa.real_pairs(view.jets)
        return self.context_encoder(view.jets, pairs, None if layers == "last" else layers)


Jepa = Shortcut
'''
COLLAPSING = {
    "no EMA, no stop-gradient": ("shortcut.py", RATE, NOTHING_AGAINST_IT),
    "momentum 0": ("hepjepa_pretrain.py", RATE, ("ema_start=0", "ema_end=0", *NOTHING_AGAINST_IT)),
    "learning rate × 30": ("hepjepa_pretrain.py", "9e-2", NOTHING_AGAINST_IT),
}


@pytest.fixture(scope="module")
def jets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collapse")
    given = os.environ.get("HEPJEPA_JETS")
    for seed, split in enumerate(("train", "val")):
        if given:
            (folder / split).symlink_to(Path(given, split).resolve())
        else:
            write_toy_files(folder / split, jets_per_class=400, seed=seed)
    path = str(REPOSITORY / "network_configs/hepjepa_pretrain.py")
    (folder / "hepjepa_pretrain.py").symlink_to(path)
    (folder / "shortcut.py").write_text(NO_STOP_GRADIENT.format(path=path))
    return folder


def pretrain(jets: Path, network: str, rate: str, seed: int, *options: str) -> subprocess.CompletedProcess[str]:
    words = [word for option in options for word in ("-o", *option.split("="))]
    command = [
        WEAVER, "--network-config", network, "--data-config", DATA_CONFIG, "--gpus", "", "--num-workers", "1",
        "--data-train", "train/*.root", "--data-val", "val/*.root", "--in-memory", "--fetch-step", "1",
        "--batch-size", "64", "--num-epochs", "1", "--steps-per-epoch", STEPS, "--steps-per-epoch-val", "2",
        "--optimizer", "AdamW", "--start-lr", rate, "-p", "weight_decay", "0.01", "-p", "clip_grad_norm", "1",
        "--lr-scheduler", "warmup+cos", "--warmup-steps", "50", "-o", "size", "quick", "-o", "dropout", "0",
        "-o", "log_every", LOOK, "-o", "seed", seed, *words,
    ]  # fmt: skip
    return forked_commands.run(list(map(str, command)), cwd=jets)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("setting", COLLAPSING)
def test_a_collapse_is_noticed(jets: Path, setting: str, seed: int) -> None:
    network, rate, options = COLLAPSING[setting]
    log = succeeded(pretrain(jets, network, rate, seed, *options))
    warnings = re.findall(r"WARNING: the embeddings have collapsed by step (\d+): (.*?), below", log)
    print(f"{setting}, seed {seed}: {warnings[:1]}")
    assert warnings


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_run_is_left_in_peace(jets: Path, seed: int) -> None:
    log = succeeded(pretrain(jets, "hepjepa_pretrain.py", RATE, seed))
    assert "collapsed" not in log


def test_a_collapse_stops_the_run_where_asked_to(jets: Path) -> None:
    network, rate, options = COLLAPSING["momentum 0"]
    line = refused(pretrain(jets, network, rate, 0, *options, "on_collapse=stop", "embed_dims=(16,32,16)"))
    assert names(line, "embeddings", "collapsed", "step", "learning rate")
