"""What a linear regression of a particle's target gets: its inputs, functions of them, and its jet's mean target.

Shapes: n particles, C inputs, D width, S regressors.
"""

import torch
from torch import Tensor

NUM_RANDOM = 256
"""Number of random functions of the inputs, each a ReLU of a linear one; the regression is linear in them."""
RIDGE = 1e-6
"""Strength of the ridge term, in units of the mean square of a regressor."""


class Regressors:
    """A constant, C inputs, random functions of the inputs, and D directions of the jet's mean target, in this order.

    Args:
        num_inputs: number C of inputs of a particle.
        width: width D of a target.
    """

    def __init__(self, num_inputs: int, width: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.slopes = torch.randn(num_inputs, NUM_RANDOM, generator=generator, dtype=torch.float64)
        self.offsets = torch.randn(NUM_RANDOM, generator=generator, dtype=torch.float64)
        self.num_own, self.number = 1 + num_inputs + NUM_RANDOM, 1 + num_inputs + NUM_RANDOM + width

    def __call__(self, inputs: Tensor, jet: Tensor) -> Tensor:
        """Return the regressors (n, S), in double precision, of inputs (n, C) and mean targets of the jets (n, D)."""
        if self.slopes.device != inputs.device:
            self.slopes, self.offsets = self.slopes.to(inputs.device), self.offsets.to(inputs.device)
        inputs = inputs.detach().double()
        random = (inputs @ self.slopes + self.offsets).relu() / inputs.size(1) ** 0.5
        return torch.cat([torch.ones_like(inputs[:, :1]), inputs, random, jet.detach().double()], dim=1)


def fitted(products: Tensor, with_targets: Tensor) -> Tensor:
    """Return the weights (S, D) of a ridge regression.

    Args:
        products: (S, S), sums or means of the products of regressors.
        with_targets: (S, D), those of regressors and targets.
    """
    mean_square = products.diagonal().mean().clamp(min=1e-12)
    ridge = RIDGE * mean_square * torch.eye(len(products), dtype=products.dtype, device=products.device)
    factor, _ = torch.linalg.cholesky_ex(products + ridge)  # unlike `solve`, a GPU does not wait for its success
    return torch.cholesky_solve(with_targets, factor)
