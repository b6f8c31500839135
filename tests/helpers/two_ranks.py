"""Two processes that train together, and what one alone would do."""

from pathlib import Path

import torch
from torch import nn

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.objectives.masked.masking import Masks
from hepjepa_weaver.training.loop import train_epoch
from hepjepa_weaver.training.optimiser import init_opt
from tests.helpers.networks import BatchList, small_jepa, small_loss, weaver_args
from tests.helpers.parallel import in_two_processes, wrapped_like_weaver
from tests.helpers.toy_jets import random_jets, weaver_inputs

STEPS, CPU = 4, torch.device("cpu")
MULTIPLICITIES = ([1, 2, 3, 9, 17, 30], [30, 4, 1, 25, 28, 12])
"""Of each process: the longest jets are alike, so that padding, which BatchNorm sees, is that of the joined batch."""
DEFAULT = {"particle_weight": 0.0, "composition_weight": 1.0, "variance_weight": 1.0, "covariance_weight": 1.0,
           "event_weight": 3.0}  # fmt: skip
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
    assert {"target_encoder.mod.blocks.0.fc1.weight", "predictor.project_in.weight"} <= set(moved)
    assert ("predictor.mask_token" in moved) == ("predictor.mask_token" in start)
