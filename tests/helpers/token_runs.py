"""Tokenizers and next-token models through the real loop: a network, its loss and batches, by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hepjepa_weaver.objectives.mpm import MpmLoss
from hepjepa_weaver.objectives.next_token.objective import NextTokenLoss
from hepjepa_weaver.objectives.tokenizing import TokenizerLoss
from hepjepa_weaver.training.loop import train_epoch
from hepjepa_weaver.training.optimiser import init_opt
from tests.helpers.networks import BatchList, mpm_config, small_mpm, weaver_args
from tests.helpers.parallel import in_two_processes, wrapped_like_weaver
from tests.helpers.statistics import small_statistics
from tests.helpers.tokens import (
    model_options,
    small_model,
    small_tokenizer,
    small_training,
    tokenizer_options,
)
from tests.helpers.toy_jets import weaver_inputs
from tests.helpers.two_ranks import CPU, MULTIPLICITIES, every_third
from tests.helpers.typed_jets import typed_jets

Loss = Callable[[Any], Any]
STEPS = 4
TOKENIZERS: dict[str, dict[str, Any]] = {
    "conditional": {"encoding": "conditional"},
    "causal": {"encoding": "causal", "token_features": "full", "own_identity_code": True},
    "gradient": {"encoding": "unconditional", "codebook_update": "gradient"},
    "residual": {"encoding": "unconditional", "quantizer": "residual"},
    "finite": {"encoding": "conditional", "quantizer": "finite_scalar"},
    "binned": {"encoding": "binned"},
}
MODELS: dict[str, dict[str, Any]] = {
    "ids": {"backbone": "ids"},
    "hybrid": {"num_registers": 2, "jet_totals": "given", "running_totals": True},
    "joint": {"num_registers": 2, "masked_weight": 1.0},
    "masked": {"next_weight": 0.0, "masked_weight": 1.0},
    "composition": {"next_weight": 0.0, "composition_weight": 1.0, "composition_of": "clusters"},
}
PARTICLES = "every target of a masked particle"
EVERY_TARGET = {f"{name}_weight": 1.0 for name in ("token", "cluster", "flow", "flow_matching", "set_flow")}


def network_of(name: str, seed: int = 0, tokenizer: Path | None = None, **more: Any) -> tuple[nn.Module, Loss]:
    """The network and its loss.

    Args:
        name: of the network.
        seed: of its weights.
        tokenizer: weights of the frozen tokenizer, which both processes have from a file.
        more: further options.
    """
    if name in TOKENIZERS:
        options = {**TOKENIZERS[name], **more}
        return small_training(seed=seed, **options), TokenizerLoss(tokenizer_options(**options).quantizer)
    frozen = small_tokenizer(encoding="causal").requires_grad_(False).eval()
    if tokenizer:
        frozen.load_state_dict(torch.load(tokenizer, weights_only=True))
    if name == PARTICLES:
        options = {**EVERY_TARGET, "masked_input": "replaced", "pt_ranks": True, **more}
        return small_mpm(seed, files=(frozen, small_statistics()), **options), MpmLoss(mpm_config(**options).targets)
    options = {**MODELS[name], **more}
    return small_model(frozen, seed=seed, **options), NextTokenLoss(model_options(**options))


def batches_of(rank: int, steps: int = STEPS) -> BatchList:
    inputs = [weaver_inputs(typed_jets(MULTIPLICITIES[rank], seed=10 * step + rank)) for step in range(steps)]
    return BatchList(inputs, [torch.arange(6) % 2] * steps)


def joined_batches() -> BatchList:
    halves = zip(batches_of(0).batches, batches_of(1).batches, strict=True)
    inputs = [tuple(torch.cat(pair) for pair in zip(*both, strict=True)) for both in halves]
    return BatchList(inputs, [torch.arange(12) % 2] * STEPS)


def train(model: nn.Module, loss: Loss, batches: BatchList, folder: Path) -> None:
    (folder / "jets.root").write_bytes(b"root")
    words = ("--data-train", str(folder / "jets.root"), "--optimizer", "SGD", "--start-lr", "0.05")
    args = weaver_args(*words, "--lr-scheduler", "none", "--num-epochs", "1")
    network: Any = getattr(model, "module", model)
    if hasattr(network, "masking"):
        network.masking = every_third
    opt, scheduler = init_opt(args, network)
    train_epoch(model, loss, opt, scheduler, batches, CPU, 0, STEPS, extra_args={"args": args})


def train_one_of_two(rank: int, folder: Path, name: str, more: dict[str, Any]) -> None:
    """With other weights to begin with in each process: those of the first have to reach the second."""
    network, loss = network_of(name, rank, folder / "tokenizer.pt", **more)
    model = wrapped_like_weaver(network, CPU)
    torch.manual_seed(rank)
    train(model, loss, batches_of(rank), folder)
    torch.save(model.module.state_dict(), folder / f"rank{rank}.pt")


def states_of_two(folder: Path, name: str, **more: Any) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    torch.save(small_tokenizer(encoding="causal").state_dict(), folder / "tokenizer.pt")
    in_two_processes(train_one_of_two, folder, name, more)
    first, second = (torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    return first, second
