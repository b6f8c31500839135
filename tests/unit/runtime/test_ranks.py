"""Several processes through the real loop, with gloo."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.host import classification, epochs
from hepjepa_weaver.objectives.masked.masking import Masks
from hepjepa_weaver.training.loop import train_epoch
from hepjepa_weaver.training.optimiser import init_opt
from hepjepa_weaver.training.validation import evaluate
from tests.helpers.networks import REPOSITORY, BatchList, small_classifier, small_jepa, small_loss, weaver_args
from tests.helpers.parallel import in_two_processes, wrapped_like_weaver
from tests.helpers.toy_jets import random_jets, weaver_inputs

pytestmark = pytest.mark.slow

STEPS, CPU = 4, torch.device("cpu")
MULTIPLICITIES = ([1, 2, 3, 9, 17, 30], [30, 4, 1, 25, 28, 12])
"""Of each process: the longest jets are alike, so that padding, which BatchNorm sees, is that of the joined batch."""
DEFAULT = {"variance_weight": 1.0, "covariance_weight": 1.0, "event_weight": 3.0}
OPTIONS = [
    DEFAULT,
    {"event_weight": 0.0, "target_norm": "layer", "loss_on": "all"},
    {"koleo_weight": 1.0, "event_target": "latent", "regression_weight": 1.0},
]


def every_third(jets: Jets) -> Masks:
    """Masks without chance."""
    is_target = jets.is_real & (torch.arange(jets.is_real.size(1), device=jets.is_real.device) % 3 == 1)
    is_context = jets.is_real & ~is_target
    return Masks(is_context, is_target, is_context.sum(dim=1).cpu(), is_target.sum(dim=1).cpu())


def batches_of(rank: int, steps: int = STEPS) -> BatchList:
    inputs = [weaver_inputs(random_jets(MULTIPLICITIES[rank], seed=10 * step + rank)) for step in range(steps)]
    return BatchList(inputs, [torch.arange(6) % 2] * steps)


def joined_batches() -> BatchList:
    halves = zip(batches_of(0).batches, batches_of(1).batches, strict=True)
    inputs = [tuple(torch.cat(pair) for pair in zip(*both, strict=True)) for both in halves]
    return BatchList(inputs, [torch.arange(12) % 2] * STEPS)


def train(model: nn.Module, batches: BatchList, folder: Path, options: dict, steps: int | None = STEPS) -> None:
    (folder / "jets.root").write_bytes(b"root")
    words = ("--data-train", str(folder / "jets.root"), "--optimizer", "SGD", "--start-lr", "0.05")
    args = weaver_args(*words, "--lr-scheduler", "none", "--num-epochs", "1")
    network = getattr(model, "module", model)
    network.masking = every_third
    opt, scheduler = init_opt(args, network)
    device = network.step.device
    train_epoch(model, small_loss(**options), opt, scheduler, batches, device, 0, steps, extra_args={"args": args})


def train_one_of_two(rank: int, folder: Path, options: dict, device: torch.device = CPU) -> None:
    """With other weights to begin with in each process: those of the first have to reach the second."""
    model = wrapped_like_weaver(small_jepa(seed=rank, **options), device)
    train(model, batches_of(rank), folder, options)
    torch.save(model.module.state_dict(), folder / f"rank{rank}.pt")


@pytest.mark.parametrize("options", OPTIONS, ids=["default", "paper-like", "jp-like"])
def test_two_processes_train_as_one_on_the_joined_batches(tmp_path, options):
    check_two_train_as_one(tmp_path, options, CPU)


def check_two_train_as_one(folder: Path, options: dict, device: torch.device) -> None:
    in_two_processes(train_one_of_two, folder, options, device)
    first, second = (torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    alone = small_jepa(seed=0, **options).to(device)
    start = {name: value.clone() for name, value in alone.state_dict().items()}
    train(alone, joined_batches(), folder, options)
    assert {name.partition(".")[0] for name in first} >= {"context_encoder", "target_encoder", "predictor"}
    for name, value in alone.state_dict().items():
        if name.startswith("collapse."):
            continue  # each process looks at its own jets
        assert torch.equal(first[name], second[name]), name
        assert torch.allclose(first[name], value, rtol=1e-4, atol=2e-6), name
    moved = [name for name, value in start.items() if not torch.equal(value, alone.state_dict()[name])]
    assert {"target_encoder.mod.blocks.0.fc1.weight", "predictor.mask_token"} <= set(moved)


def train_on_unequal_shares(rank: int, folder: Path) -> None:
    """The first process has two batches less; both validate together afterwards."""
    model = wrapped_like_weaver(small_jepa(**DEFAULT), CPU)
    train(model, batches_of(rank, steps=3 + 2 * rank), folder, DEFAULT, steps=None)
    args = weaver_args("--data-train", str(folder / "jets.root"))
    metric = evaluate(
        model, batches_of(rank, steps=2 + rank), CPU, 0, loss_func=small_loss(**DEFAULT), extra_args={"args": args}
    )
    torch.save({"step": model.module.step, "metric": metric}, folder / f"rank{rank}.pt")


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
    epochs.train_epoch(classification.train, model, loss, opt, scheduler, jets, CPU, 0, **words)
    jets = batches_of(rank, 2 + rank)
    metric = epochs.evaluate(classification.evaluate, model, jets, CPU, 0, loss_func=loss, **words)
    torch.save({"metric": metric, **model.module.state_dict()}, folder / f"rank{rank}.pt")


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
    start = time.monotonic()
    done = subprocess.run(
        [*command, "-m", "tests.helpers.dying_process", death], cwd=REPOSITORY, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    assert time.monotonic() - start < 90
    assert ("Signal 9 (SIGKILL)" if death == "kill" else "is not finite") in done.stderr
    assert "the first steps are done" in done.stdout
