"""Toy jets and networks trained on them, made once for all tests, also where several processes run these.

They are read by many tests: link or copy what is to be changed.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.helpers.toy_jets import JETS_PER_CLASS, SPLITS, link_toy_files, write_toy_files
from tests.helpers.weaver_command import FINETUNE, PRETRAIN, succeeded, weaver

settings.register_profile("same every time", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("same every time")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder of this name, unless another process of this test run has made it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / "made_once" / name
        folder.parent.mkdir(exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not folder.with_suffix(".done").exists():
                folder.mkdir()
                fill(folder)
                folder.with_suffix(".done").touch()
        return folder

    return make


@pytest.fixture(scope="session")
def toy_files(made_once) -> Path:
    """A folder of toy jets in JetClass's schema: `train`, `val` and `test`, a file a class, 30 jets a file."""

    def fill(folder: Path) -> None:
        for seed, split in enumerate(SPLITS):
            write_toy_files(folder / split, JETS_PER_CLASS, seed)

    return made_once("toy_files", fill)


@pytest.fixture(scope="session")
def pretrained(made_once, toy_files: Path) -> Path:
    """Two epochs of HEP-JEPA pre-training from the shell: `pretrain/net_*.pt`, `runs/*_toy` and `pretrain.log`."""

    def fill(folder: Path) -> None:
        link_toy_files(toy_files, folder)
        options = ("--model-prefix", "pretrain/net", "--tensorboard", "_toy", *PRETRAIN)
        done = weaver(folder, "hepjepa_pretrain", *options, from_shell=True)
        (folder / "pretrain.log").write_text(succeeded(done))

    return made_once("pretrained", fill)


@pytest.fixture(scope="session")
def finetuned(made_once, toy_files: Path, pretrained: Path) -> Path:
    """An epoch of fine-tuning of the former: `finetune/net_*.pt` and `finetune.log`."""

    def fill(folder: Path) -> None:
        link_toy_files(toy_files, folder)
        weights = ("--load-model-weights", str(pretrained / "pretrain/net_best_epoch_state.pt"))
        done = weaver(folder, "hepjepa_finetune", "--model-prefix", "finetune/net", *weights, *FINETUNE)
        (folder / "finetune.log").write_text(succeeded(done))

    return made_once("finetuned", fill)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, toy_files: Path) -> Path:
    """A folder with the toy jets where commands of a module run, so that what they leave behind stays there."""
    folder = tmp_path_factory.mktemp("work")
    link_toy_files(toy_files, folder)
    return folder
