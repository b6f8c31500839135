"""Targets without what a regression tells of them: what is left can only come from other particles of the jet.

Shapes: N jets, T particles, C inputs, D width.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from hepjepa_weaver.objectives.jepa.regressors import Regressors, fitted
from hepjepa_weaver.runtime.ranks import mean_over_processes

MOMENTUM = 0.99
"""Momentum of the means over training steps, from which the regression is fitted: its memory is about 100 steps."""


class ResidualTargets(nn.Module):
    """A running regression of targets on a particle's own inputs, and maybe on the mean target of its jet.

    Args:
        num_inputs: number C of inputs of a particle.
        width: width D of a target.
        removed: what the regression knows.
    """

    products: Tensor
    with_targets: Tensor

    def __init__(self, num_inputs: int, width: int, removed: Literal["inputs", "inputs_and_jet"]) -> None:
        super().__init__()
        self.regressors = Regressors(num_inputs, width)
        size = self.regressors.number if removed == "inputs_and_jet" else self.regressors.num_own
        self.register_buffer("products", torch.zeros(size, size, dtype=torch.float64))
        self.register_buffer("with_targets", torch.zeros(size, width, dtype=torch.float64))

    @torch.no_grad()
    def forward(self, tokens: Tensor, features: Tensor, jet: Tensor, is_target: Tensor) -> Tensor:
        """Return the residuals (N, T, D) of targets, in float32; in training, go on with the fit first.

        Args:
            tokens: (N, T, D), the targets.
            features: (N, C, T), features of their particles.
            jet: (N, D), mean target of each jet.
            is_target: (N, T), False for padding.
        """
        padding = ~is_target.flatten().unsqueeze(1)  # not left out: a GPU would have to tell the host their number
        jets = jet.unsqueeze(1).expand(-1, is_target.size(1), -1).flatten(0, 1)
        regressors = self.regressors(features.transpose(1, 2).flatten(0, 1), jets)[:, : len(self.products)]
        regressors, wanted = regressors.masked_fill(padding, 0), tokens.flatten(0, 1).double().masked_fill(padding, 0)
        if self.training:
            number = is_target.sum().clamp(min=1)
            for mean, batch in ((self.products, regressors.T @ regressors), (self.with_targets, regressors.T @ wanted)):
                mean.lerp_(mean_over_processes(batch / number), 1 - MOMENTUM)
        told = regressors @ fitted(self.products, self.with_targets)
        left = (wanted - told).float().view_as(tokens)
        return left.where(is_target.unsqueeze(2), tokens.float())
