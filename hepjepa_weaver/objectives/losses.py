"""Losses in embedding space as pure functions, and what a loss hands to the training loop."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.runtime.ranks import mean_over_processes


@dataclass(frozen=True)
class LossTerms:
    """`total` is minimised; `terms`, scalars before weighting, are logged by name."""

    total: Tensor
    terms: dict[str, Tensor]

    @property
    def by_name(self) -> dict[str, Tensor]:
        """Return the total and the terms."""
        return {"total": self.total, **self.terms}


def masked_mean(x: Tensor, is_real: Tensor) -> Tensor:
    """Mean of `x` (N, P, ...) over the particles marked in `is_real` (N, P); zero, with zero gradients, if none is.

    Of several processes each divides by their mean number of particles, so that the mean of theirs is that of all.
    """
    weight = is_real.to(x.dtype).view(*is_real.shape, *(1,) * (x.ndim - 2))
    return (x * weight).sum(dim=(0, 1)) / mean_over_processes(weight.sum()).clamp(min=1e-6)


def masked_smooth_l1(predicted: Tensor, target: Tensor, is_target: Tensor, beta: float = 1.0) -> Tensor:
    """Smooth-L1 between `predicted` and `target` (N, T, D), averaged over the particles marked in `is_target`
    (N, T) and over D; zero, with zero gradients, if none is marked. [HEP-JEPA 2502.03933; I-JEPA 2301.08243]"""
    per_particle = F.smooth_l1_loss(predicted, target, reduction="none", beta=beta).mean(dim=2)
    return masked_mean(per_particle, is_target)


def layer_norm(x: Tensor) -> Tensor:
    """Layer norm over the last dimension without parameters: the scale of a target carries no information."""
    return F.layer_norm(x.float(), x.shape[-1:])


def standardised(x: Tensor, is_real: Tensor) -> Tensor:
    """`x` (N, P, D) with mean 0 and variance 1 in each of its D directions, over the particles marked in `is_real`
    (N, P): what all tokens have in common is nothing to predict. [A target norm of data2vec 2202.03555, section 3.3]"""
    x = x.float()
    centred = x - mean_over_processes(masked_mean(x, is_real))
    return centred * (mean_over_processes(masked_mean(centred.square(), is_real)) + 1e-5).rsqrt()
