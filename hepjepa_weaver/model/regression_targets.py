"""The numbers that a network regresses: their names, their scale in training, and their quantiles.

Shapes: N jets, K classes, T numbers, Q quantiles (1 without).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MEDIAN = 0.5


class RegressionTargets(nn.Module):
    """T numbers to regress. Inside the network each has centre 0 and width 1.

    Quantiles start at those of a normal distribution: from 0 they would have far to go in a short fine-tuning.

    Args:
        names: names of the T numbers.
        quantiles: the Q quantiles to predict; none for one value each.
        centre: (T,), what is subtracted of each number.
        width: (T,), what each number is divided by.
    """

    centre: Tensor
    width: Tensor
    start: Tensor

    def __init__(
        self, names: Sequence[str], quantiles: Sequence[float], centre: Sequence[float], width: Sequence[float]
    ) -> None:
        super().__init__()
        self.names, self.quantiles = tuple(names), tuple(quantiles)
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float32))
        self.register_buffer("width", torch.tensor(width, dtype=torch.float32))
        levels = torch.tensor(self.quantiles or (MEDIAN,), dtype=torch.float32)
        self.register_buffer("start", torch.special.ndtri(levels), persistent=False)

    @property
    def num_outputs(self) -> int:
        """Number T · Q of outputs of the network."""
        return len(self.names) * max(len(self.quantiles), 1)

    def split(self, outputs: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        """Return the scores (N, K) and the numbers (N, T, Q), inside the network, of its outputs (N, K + T · Q)."""
        inner = outputs[:, num_classes:].reshape(-1, len(self.names), max(len(self.quantiles), 1))
        return outputs[:, :num_classes], inner + self.start

    def standardised(self, numbers: Tensor) -> Tensor:
        """Return numbers (N, T) of a file as they are inside the network."""
        return (numbers - self.centre) / self.width

    def original(self, inner: Tensor) -> Tensor:
        """Return numbers (N, T, Q) of the network in the units of the file; quantiles ascend."""
        if len(self.quantiles) > 1:
            inner = inner.sort(dim=2).values
        return inner * self.width[:, None] + self.centre[:, None]

    def central(self, numbers: Tensor) -> Tensor:
        """Return the medians (N, T) of numbers (N, T, Q), or the numbers themselves without quantiles."""
        return numbers[:, :, self.quantiles.index(MEDIAN) if self.quantiles else 0]

    def column_names(self) -> list[str]:
        """Return a name for each of the T · Q numbers, as a prediction has them; the median has that of the number."""
        return [
            f"output_{name}" + ("" if quantile == MEDIAN else f"_q{100 * quantile:g}")
            for name in self.names
            for quantile in self.quantiles or (MEDIAN,)
        ]
