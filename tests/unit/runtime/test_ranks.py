"""Several processes through the real loop, with gloo."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from hepjepa_weaver.host import classification, epochs
from hepjepa_weaver.training.optimiser import init_opt
from hepjepa_weaver.training.validation import evaluate
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.networks import small_classifier, small_jepa, small_loss, weaver_args
from tests.helpers.parallel import in_two_processes, wrapped_like_weaver
from tests.helpers.two_ranks import CPU, DEFAULT, OPTIONS, STEPS, batches_of, check_two_train_as_one, train
from tests.helpers.waiting import PATIENCE

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("options", OPTIONS, ids=["default", "paper-like", "jp-like"])
def test_two_processes_train_as_one_on_the_joined_batches(tmp_path, options):
    check_two_train_as_one(tmp_path, options, CPU)


def train_on_unequal_shares(rank: int, folder: Path) -> None:
    """The first process has two batches less; both validate together afterwards."""
    model = wrapped_like_weaver(small_jepa(**DEFAULT), CPU)
    train(model, batches_of(rank, steps=3 + 2 * rank), folder, DEFAULT, steps=None)
    args = weaver_args("--data-train", str(folder / "jets.root"))
    metric = evaluate(
        model, batches_of(rank, steps=2 + rank), CPU, 0, loss_func=small_loss(**DEFAULT), extra_args={"args": args}
    )
    torch.save({"step": model.module.step, "metric": float(metric)}, folder / f"rank{rank}.pt")


def test_a_process_with_more_batches_stops_with_the_others(tmp_path):
    in_two_processes(train_on_unequal_shares, tmp_path)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert first["step"] == second["step"] == 3
    assert first["metric"] == second["metric"] > 0


def fine_tune_on_unequal_shares(rank: int, folder: Path) -> None:
    """The same through weaver's own loops for classifiers."""
    torch.manual_seed(0)
    model = wrapped_like_weaver(small_classifier(from_scratch=True), CPU)
    (folder / "jets.root").write_bytes(b"root")
    args = weaver_args("--data-train", str(folder / "jets.root"), "--optimizer", "SGD", "--model-prefix", "")
    opt, scheduler = init_opt(args, model.module)
    words = {"loss_func": nn.CrossEntropyLoss(), "extra_args": {"args": args}}
    loss = words.pop("loss_func")
    jets = batches_of(rank, 3 + 2 * rank)
    epochs.train_epoch(classification.train, classification.ready, model, loss, opt, scheduler, jets, CPU, 0, **words)
    jets = batches_of(rank, 2 + rank)
    metric = epochs.evaluate(classification.evaluate, model, jets, CPU, 0, loss_func=loss, **words)
    torch.save({"metric": float(metric), **model.module.state_dict()}, folder / f"rank{rank}.pt")


def test_classifiers_stop_together_too(tmp_path):
    in_two_processes(fine_tune_on_unequal_shares, tmp_path)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first if name != "metric")


def evaluate_in_the_first(rank: int, folder: Path) -> None:
    """As weaver does: the first process tests, and the other has ended."""
    if rank:
        return
    (folder / "jets.root").write_bytes(b"root")
    args = weaver_args("--data-test", str(folder / "jets.root"))
    words = {"for_training": False, "extra_args": {"args": args}}
    network = small_classifier(from_scratch=True).eval()
    _, scores, labels, _ = epochs.evaluate(classification.evaluate, network, batches_of(0), CPU, None, **words)
    torch.save({"scores": torch.from_numpy(scores)}, folder / "scores.pt")
    assert len(labels["_label_"]) == len(scores)


def test_the_first_process_tests_alone(tmp_path):
    in_two_processes(evaluate_in_the_first, tmp_path)
    scores = torch.load(tmp_path / "scores.pt", weights_only=True)["scores"]
    assert scores.shape == (6 * STEPS, 10)
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("death", ["kill", "error"])
def test_a_process_that_dies_ends_the_run(death):
    """Under torchrun, as weaver is started; without it the other process would wait for half an hour."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*command, "-m", "tests.helpers.dying_process", death], cwd=REPOSITORY, capture_output=True, text=True,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode != 0
    assert ("Signal 9 (SIGKILL)" if death == "kill" else "is not finite") in done.stderr
    assert "the first steps are done" in done.stdout
