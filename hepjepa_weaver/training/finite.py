"""Detection of losses and gradients that are not finite, without waiting for a GPU."""

import torch
from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.losses import LossTerms


class FiniteWatch:
    """The first step whose loss or gradient is not finite, kept on the device.

    On a CPU, where the check costs nothing, such a step raises an error before it reaches the weights. A GPU is asked
    only now and then, with `check`. The steps until then are wasted, but nothing of them is saved.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._first_bad: Tensor | None = None

    def add(self, losses: LossTerms, grad_norm: Tensor | None, step: int) -> None:
        """Look at one step; without `grad_norm` at the loss alone.

        Raises:
            UserError: on a CPU, loss or gradient is not finite.
        """
        values = losses.terms if grad_norm is None else {**losses.terms, "gradient": grad_norm}
        self._names = list(values)
        row = torch.stack([value.detach().double() for value in (losses.total, *values.values())])
        row = torch.cat([row, torch.full_like(row[:1], step)])
        if self._first_bad is None:
            self._first_bad = torch.zeros_like(row)
        is_first = ~torch.isfinite(row).all() & (self._first_bad[-1] == 0)
        self._first_bad = torch.where(is_first, row, self._first_bad)
        if row.device.type == "cpu":
            self.check()

    def check(self) -> None:
        """Wait for the device, and look for a bad step.

        Raises:
            UserError: there was one. The message names the first.
        """
        if self._first_bad is None:
            return
        _, *values, step = self._first_bad.tolist()
        if step:
            parts = ", ".join(f"{name} {value:g}" for name, value in zip(self._names, values, strict=True))
            raise UserError(
                f"the loss of step {step:.0f} is not finite ({parts}): lower --start-lr, clip gradients with "
                "-p clip_grad_norm 1, or look for infinite values in the inputs"
            )
