"""Losses and gradients that are not finite, noticed without making a GPU wait."""

import torch
from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.losses import LossTerms


class FiniteWatch:
    """Keeps, on the device, the first step whose loss or gradient is not finite.

    On a CPU, where looking costs nothing, that step is an error before it reaches the weights. A GPU is asked only
    now and then with `check`; until then it trains on in vain, but nothing of that is saved.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._first_bad: Tensor | None = None

    def add(self, losses: LossTerms, grad_norm: Tensor | None, step: int) -> None:
        """Look at one step, on a CPU with `check`; at the loss alone without `grad_norm`."""
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
        """Wait for the device; raise a UserError that names the first bad step, if there was one."""
        if self._first_bad is None:
            return
        _, *values, step = self._first_bad.tolist()
        if step:
            parts = ", ".join(f"{name} {value:g}" for name, value in zip(self._names, values, strict=True))
            raise UserError(
                f"the loss of step {step:.0f} is not finite ({parts}): lower --start-lr, clip gradients with "
                "-p clip_grad_norm 1, or look for infinite values in the inputs"
            )
