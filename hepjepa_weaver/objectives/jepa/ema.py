"""The target encoder as an exponential moving average of the context encoder."""

import math

import torch
from torch import Tensor, nn

from hepjepa_weaver.config import EmaConfig


def momentum_at(config: EmaConfig, step: int, total_steps: int | None) -> float:
    """Return the EMA momentum after `step` of `total_steps` optimiser steps.

    It goes from `ema_start` to `ema_end`, on a straight line or as half a cosine. While `total_steps` is not known, in
    the first epoch, it stays at `ema_start`.
    """
    progress = min(step / total_steps, 1.0) if total_steps else 0.0
    if config.ema_schedule == "cosine":
        progress = (1 - math.cos(math.pi * progress)) / 2
    return config.ema_start + (config.ema_end - config.ema_start) * progress


@torch.no_grad()
def update_ema(target: nn.Module, source: nn.Module, momentum: float) -> None:
    """Set target ← momentum · target + (1 - momentum) · source, for all parameters.

    Buffers are copied. BatchNorm's running mean and variance are moving averages already, and an average of its integer
    batch counter would mean nothing.
    """
    averages: list[Tensor] = list(target.parameters())
    torch._foreach_lerp_(averages, list[Tensor](source.parameters()), 1.0 - momentum)
    for copy, original in zip(target.buffers(), source.buffers(), strict=True):
        copy.copy_(original)
