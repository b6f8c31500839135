"""Which particles the context encoder may see and which are to be predicted.

Every strategy gives each particle a score and hides the lowest-scored share of the jet, so that the number
of hidden particles is the same whatever the strategy.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from weaver.nn.model.ParticleTransformer import delta_phi

from hepjepa_weaver.config import MaskingConfig
from hepjepa_weaver.inputs import Jets, sent_to

FARTHEST = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class Masks:
    """`is_context` and `is_target`, both (N, P): disjoint, together the real particles of each jet; how many of
    each, `num_context` and `num_target` (N,), is known on the host."""

    is_context: Tensor
    is_target: Tensor
    num_context: Tensor
    num_target: Tensor

    def reordered(self, order: Tensor) -> "Masks":
        """The masks of jets in another order (N,), given on the host."""
        index = sent_to(self.is_context.device, order)
        return Masks(self.is_context[index], self.is_target[index], self.num_context[order], self.num_target[order])


def num_hidden(num_real: Tensor, mask_ratio: float) -> Tensor:
    """How many of `num_real` (N,) particles are hidden: the nearest whole number to the ratio, but at least one
    hidden and one left. A jet of one particle hides none: it takes part in the event-level loss only."""
    wanted = (num_real * mask_ratio).round().long()
    return torch.minimum(wanted.clamp(min=1), (num_real - 1).clamp(min=0))


class Masking:
    """Draws new masks for every jet at every call.

    Strategies: `random` hides particles independently of each other; `ball` hides those nearest in (Δη, Δφ)
    to `num_targets` randomly chosen ones, the particle-token form of HEP-JEPA's spatially contiguous
    targets (2502.03933).
    """

    def __init__(self, config: MaskingConfig) -> None:
        self.config = config

    def __call__(self, jets: Jets) -> Masks:
        num_target = num_hidden(jets.num_real, self.config.mask_ratio)
        hidden = sent_to(jets.is_real.device, num_target)
        if self.config.mask_strategy == "random":
            score = torch.rand(jets.is_real.shape, device=jets.is_real.device)
        else:
            score = distance_to_seeds(jets, hidden.clamp(max=self.config.num_targets), self.config.num_targets)
        # Padding comes last, even after a particle at infinity: as many are hidden as the host believes.
        score = score.nan_to_num(nan=FARTHEST, posinf=FARTHEST).masked_fill(~jets.is_real, torch.inf)
        rank = score.argsort(dim=1).argsort(dim=1)
        is_target = (rank < hidden.unsqueeze(1)) & jets.is_real
        return Masks(jets.is_real & ~is_target, is_target, jets.num_real - num_target, num_target)


def distance_to_seeds(jets: Jets, num_seeds: Tensor, max_seeds: int) -> Tensor:
    """ΔR² (N, P) of each particle to the nearest of `num_seeds` (N,) randomly drawn particles of its jet.

    A jet has no more seeds than particles to hide; otherwise the choice among seeds, all at distance zero,
    would follow the order of storage, and small jets would always hide their hardest particles.
    """
    draw = torch.rand(jets.is_real.shape, device=jets.is_real.device).masked_fill(~jets.is_real, -1)
    seeds = draw.topk(min(max_seeds, draw.size(1)), dim=1).indices
    eta, phi = jets.points.unbind(dim=1)
    deta = eta.unsqueeze(2) - eta.gather(1, seeds).unsqueeze(1)
    dphi = delta_phi(phi.unsqueeze(2), phi.gather(1, seeds).unsqueeze(1))
    unused = torch.arange(seeds.size(1), device=seeds.device) >= num_seeds.unsqueeze(1)
    distance: Tensor = deta.square() + dphi.square()
    return distance.masked_fill(unused.unsqueeze(1), torch.inf).amin(dim=2)
