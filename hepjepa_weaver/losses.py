"""Losses in embedding space as pure functions, and what a loss hands to the training loop."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class LossParts:
    """`total` is minimised; `parts`, scalars before weighting, are logged by name."""

    total: Tensor
    parts: dict[str, Tensor]


def masked_smooth_l1(predicted: Tensor, target: Tensor, is_target: Tensor, beta: float = 1.0) -> Tensor:
    """Smooth-L1 between `predicted` and `target` (N, T, D), averaged over the particles marked in `is_target`
    (N, T) and over D; zero, with zero gradients, if none is marked. [HEP-JEPA 2502.03933; I-JEPA 2301.08243]"""
    per_particle = F.smooth_l1_loss(predicted, target, reduction="none", beta=beta).mean(dim=2)
    weight = is_target.to(per_particle.dtype)
    return (per_particle * weight).sum() / weight.sum().clamp(min=1)


def layer_norm(x: Tensor) -> Tensor:
    """Layer norm over the last dimension without parameters: the scale of a target carries no information."""
    return F.layer_norm(x.float(), x.shape[-1:])
