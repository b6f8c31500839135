"""Dropout with random bits that are cheap on a CPU."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 2**16


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Apply dropout to `x` with probability `p`; on a CPU `p` is rounded to a multiple of 1/65536.

    On a CPU, PyTorch's own dropout draws one number at a time. This took two fifths of an encoder's forward pass.
    """
    if not training or p == 0:
        return x
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, p)
    dropped: Tensor = CpuDropout.apply(x, p)  # type: ignore[no-untyped-call]
    return dropped


class CpuDropout(torch.autograd.Function):
    """Dropout with a mask drawn from 16 random bits per value."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        """Return `x` with each value set to 0 with probability `p`, and scaled by 1 / (1 - p)."""
        keep = random_mask(x.shape, p)
        ctx.scale = 1 / (1 - p)
        ctx.save_for_backward(keep)
        return (x * keep).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of `x`."""
        (keep,) = ctx.saved_tensors
        return (grads[0] * keep).mul_(ctx.scale), None


def random_mask(shape: torch.Size, p: float) -> Tensor:
    """Return ones of `shape`, each 0 with probability `p`, drawn with PyTorch's random number generator.

    The mask holds bytes: a product with bools takes four times as long.
    """
    count = math.prod(shape)
    bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    keep = torch.empty(shape, dtype=torch.uint8)
    return torch.ge(
        bits.view(torch.int16)[:count].view(shape), min(round(p * LEVELS), LEVELS - 1) - LEVELS // 2, out=keep
    )
