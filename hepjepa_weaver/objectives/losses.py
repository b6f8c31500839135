"""Losses in embedding space as pure functions, and the loss terms that the training loop gets."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.runtime.ranks import mean_over_processes


@dataclass(frozen=True)
class LossTerms:
    """Terms of a loss.

    Attributes:
        total: scalar to minimise.
        terms: scalars before weighting, logged by name.
    """

    total: Tensor
    terms: dict[str, Tensor]

    @property
    def by_name(self) -> dict[str, Tensor]:
        """The total and the terms."""
        return {"total": self.total, **self.terms}


def masked_mean(x: Tensor, is_real: Tensor) -> Tensor:
    """Average `x` (N, P, ...) over the particles marked in `is_real` (N, P); return 0, with zero gradients, if none is.

    With several ranks, each divides by the mean number of particles per rank. The mean over ranks is then the mean over
    all particles.
    """
    weight = is_real.to(x.dtype).view(*is_real.shape, *(1,) * (x.ndim - 2))
    return (x * weight).sum(dim=(0, 1)) / mean_over_processes(weight.sum()).clamp(min=1e-6)


def masked_smooth_l1(predicted: Tensor, target: Tensor, is_target: Tensor, beta: float = 1.0) -> Tensor:
    """Average the smooth-L1 loss over the particles marked in `is_target` and over D.

    It is 0, with zero gradients, if no particle is marked. [HEP-JEPA 2502.03933; I-JEPA 2301.08243]

    Args:
        predicted: (N, T, D).
        target: (N, T, D).
        is_target: (N, T).
        beta: difference above which the loss is linear.
    """
    per_particle = F.smooth_l1_loss(predicted, target, reduction="none", beta=beta).mean(dim=2)
    return masked_mean(per_particle, is_target)


def layer_norm(x: Tensor) -> Tensor:
    """Apply a layer norm without parameters over the last dimension: the scale of a target carries no information."""
    return F.layer_norm(x.float(), x.shape[-1:])


def standardised(x: Tensor, is_real: Tensor) -> Tensor:
    """Return `x` (N, P, D) with mean 0 and variance 1 in each of its D directions.

    Mean and variance are taken over the particles marked in `is_real` (N, P). What all tokens have in common is then
    not predicted. [A target norm of data2vec 2202.03555, section 3.3]
    """
    x = x.float()
    centred = x - mean_over_processes(masked_mean(x, is_real))
    return centred * (mean_over_processes(masked_mean(centred.square(), is_real)) + 1e-5).rsqrt()
