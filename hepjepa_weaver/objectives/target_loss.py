"""Losses of classes and of regressed numbers. Shapes: N jets, K classes, T numbers, Q quantiles (1 without)."""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.config.run import TargetLabelConfig
from hepjepa_weaver.model.regressor import RegressorOutput
from hepjepa_weaver.objectives.losses import LossTerms, masked_mean

CLASS = "class"
"""Name of the loss of the classes."""


class TargetLoss(nn.Module):
    """Cross entropy of the classes, and the sum of a loss for each number.

    A number that is not known, which is NaN, counts for nothing. With several ranks, all known numbers count alike.
    """

    def __init__(self, config: TargetLabelConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, output: RegressorOutput, label: Tensor | None, numbers: Tensor) -> LossTerms:
        """Compute the weighted sum of the terms, and the terms.

        Args:
            output: of the network.
            label: (N,), class of each jet; None without classes.
            numbers: (N, T), the true numbers in the units of the file.
        """
        wanted = output.targets.standardised(numbers)
        is_known = wanted.isfinite()
        wanted = torch.where(is_known, wanted, 0)
        each = self._each(output.numbers.float() - wanted.unsqueeze(2), output.targets.quantiles)
        losses = [masked_mean(one, known) for one, known in zip(columns(each), columns(is_known), strict=True)]
        terms = dict(zip(output.targets.names, losses, strict=True))
        total = torch.stack(losses).sum()
        if label is None:
            return LossTerms(total, terms)
        entropy = F.cross_entropy(output.scores.float(), label)
        return LossTerms(entropy + self.config.regression_weight * total, {CLASS: entropy, **terms})

    def _each(self, excess: Tensor, quantiles: Sequence[float]) -> Tensor:
        """Return the loss (N, T) of numbers that are too large by `excess` (N, T, Q)."""
        if self.config.regression_loss == "quantile":
            return pinball(excess, quantiles)
        return SINGLE[self.config.regression_loss](excess.squeeze(2))


def columns(values: Tensor) -> list[Tensor]:
    """Return the columns (N, 1) of values (N, T)."""
    return [values[:, place : place + 1] for place in range(values.size(1))]


def pinball(excess: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Return the pinball loss (N, T), whose minimum is the quantiles, of predictions too large by `excess` (N, T, Q).

    The mean over the quantiles is taken. [R. Koenker, G. Bassett, Econometrica 46 (1978) 33]
    """
    level = excess.new_tensor(list(quantiles))
    return torch.maximum((1 - level) * excess, -level * excess).mean(dim=2)


def log_cosh(excess: Tensor) -> Tensor:
    """Return log cosh of `excess`: a square near 0, and a distance far away."""
    return excess + F.softplus(-2 * excess) - math.log(2)


SINGLE: dict[str, Callable[[Tensor], Tensor]] = {
    "log_cosh": log_cosh,
    "squared": torch.square,
    "absolute": torch.abs,
}
"""Losses of one value for each number."""
