"""Totals of training jets, kept in the checkpoint: a model that is given totals generates jets with such ones."""

import torch
from torch import Tensor, nn

from hepjepa_weaver.objectives.next_token.start_token import NUM_TOTALS

NUMBER = 4096


class KnownTotals(nn.Module):
    """A ring of the last jets' totals and classes; negative classes are unknown."""

    totals: Tensor
    label: Tensor
    number: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("totals", torch.zeros(NUMBER, NUM_TOTALS))
        self.register_buffer("label", torch.full((NUMBER,), -1))
        self.register_buffer("number", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def add(self, totals: Tensor, label: Tensor | None) -> None:
        """Keep the totals (N, 4) and classes (N,) of jets in place of the oldest ones."""
        totals, label = totals[-NUMBER:], None if label is None else label[-NUMBER:]
        places = (self.number + torch.arange(len(totals), device=totals.device)) % NUMBER
        self.totals[places] = totals
        self.label[places] = -1 if label is None else label.long()
        self.number += len(totals)

    def draw(self, label: Tensor | None, num_jets: int, generator: torch.Generator) -> Tensor:
        """Return totals (N, 4) drawn from those kept, of jets of the same class where one is given.

        Args:
            label: (N,), class of each jet; None for any.
            num_jets: number N.
            generator: random numbers, on the device of the totals.
        """
        known = int(self.number.clamp(max=NUMBER))
        weight = torch.ones(num_jets, known, device=self.totals.device)
        if label is not None:
            matches = self.label[:known] == label.unsqueeze(1)
            weight = torch.where(matches.any(dim=1, keepdim=True), matches.float(), weight)
        return self.totals[torch.multinomial(weight, 1, generator=generator).squeeze(1)]
