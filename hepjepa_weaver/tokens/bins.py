"""Bins of each feature as codes: the encoding without a network that others have to beat [OmniJet-α 2403.05618].

Shapes: L particles, F features, K codes.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from hepjepa_weaver.runtime.ranks import mean_over_processes
from hepjepa_weaver.tokens.particle_values import CENTRE, STRETCH

UNIFORM = ((0.1, 1000.0), (-0.8, 0.8), (-0.8, 0.8))
"""Limits of pT (GeV), Δη and Δφ of bins of equal width."""


class FeatureBins(nn.Module):
    """Edges of the bins of each feature, and the value that stands for a bin.

    Args:
        levels: number of bins of ln pT, Δη and Δφ; their product is the number of codes.
        kind: `uniform` has equal widths; `quantiles` takes the mean quantiles of the batches that were learned.
    """

    num_learned: Tensor

    def __init__(self, levels: Sequence[int], kind: Literal["quantiles", "uniform"]) -> None:
        super().__init__()
        self.levels, self.kind = tuple(levels), kind
        for place, level in enumerate(levels):
            low, high = UNIFORM[place]
            limits = torch.tensor([low, high])
            limits = limits.log() - CENTRE if place == 0 else STRETCH * limits
            # Twice as many steps as bins: every second one is an edge, those between stand for their bins.
            steps = torch.linspace(float(limits[0]), float(limits[1]), 2 * level + 1)
            self.register_buffer(f"steps_{place}", steps)
        self.register_buffer("num_learned", torch.zeros((), dtype=torch.long))

    def learn(self, values: Tensor) -> None:
        """Move the quantiles towards those of the values (L, F) of a batch; all batches weigh the same."""
        if self.kind == "uniform" or not len(values):
            return
        self.num_learned += 1
        for place, level in enumerate(self.levels):
            fractions = torch.linspace(0, 1, 2 * level + 1, device=values.device)
            found = values[:, place].float().sort().values
            quantiles = mean_over_processes(found[(fractions * (len(found) - 1)).round().long()])
            steps = self._steps(place)
            weight = 1 / self.num_learned.float()
            steps.copy_(torch.where(self.num_learned == 1, quantiles, steps + (quantiles - steps) * weight))

    def has_learned(self) -> bool:
        """Tell whether there are edges to use."""
        return self.kind == "uniform" or bool(self.num_learned > 0)

    def codes(self, values: Tensor) -> Tensor:
        """Return the codes (...) of values (..., F); a value beyond the last edge falls into the last bin."""
        code = torch.zeros(values.shape[:-1], dtype=torch.long, device=values.device)
        for place, level in enumerate(self.levels):
            inner = self._steps(place)[2:-1:2].contiguous()
            code = code * level + torch.bucketize(values[..., place].contiguous(), inner)
        return code

    def values(self, codes: Tensor) -> Tensor:
        """Return the values (..., F) that stand for codes (...)."""
        found = []
        for place in reversed(range(len(self.levels))):
            level = self.levels[place]
            found.append(self._steps(place)[1::2][codes % level])
            codes = codes // level
        return torch.stack(found[::-1], dim=-1)

    def _steps(self, place: int) -> Tensor:
        steps: Tensor = getattr(self, f"steps_{place}")
        return steps
