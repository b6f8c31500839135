"""`hepjepa check-apart` looks for jets of one use among those of another."""

import subprocess
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from tests.helpers.hepjepa_command import hepjepa

USES = ("pretraining", "train", "validation", "test")


@pytest.fixture
def jets(tmp_path: Path) -> dict[str, Path]:
    """A file of 20 jets for each use, none in two of them."""
    rng = np.random.default_rng(0)
    paths = {}
    for use in USES:
        paths[use] = tmp_path / f"{use}.parquet"
        columns = {f"jet_{name}": rng.random(20).astype("float32") for name in ("pt", "eta", "phi", "energy")}
        ak.to_parquet(ak.Array(columns), paths[use])
    return paths


def run(jets: dict[str, Path], output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    words = [word for use, path in jets.items() for word in (f"--{use}", path)]
    return hepjepa("check-apart", *words, "-o", output, *options)


def test_says_how_many_jets_it_looked_at(jets, tmp_path):
    assert run(jets, tmp_path / "apart.txt").returncode == 0
    assert (tmp_path / "apart.txt").read_text() == "".join(f"{use}: 20 jets\n" for use in USES)


@pytest.mark.parametrize(
    ("use", "other"), [("pretraining", "test"), ("train", "validation"), ("train", "test"), ("validation", "test")]
)
def test_common_jets_are_refused_or_allowed(jets, tmp_path, use, other):
    common = ak.concatenate([ak.from_parquet(jets[other]), ak.from_parquet(jets[use])[:3]])
    ak.to_parquet(common, jets[other])
    done = run(jets, tmp_path / "apart.txt")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: 3 jets of {jets[other]} are among those for {use}: ")
    assert not (tmp_path / "apart.txt").exists()
    assert run(jets, tmp_path / "apart.txt", "--allow-common", "3").returncode == 0


def test_pretraining_and_training_may_share_jets(jets, tmp_path):
    assert run(jets | {"pretraining": jets["train"]}, tmp_path / "apart.txt").returncode == 0


def test_files_that_cannot_be_read_are_named(jets, tmp_path):
    jets["test"].write_bytes(jets["test"].read_bytes()[:100])
    done = run(jets, tmp_path / "apart.txt")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {jets['test']} is damaged")
