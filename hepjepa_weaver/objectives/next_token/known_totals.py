"""Totals of training jets, kept in the checkpoint: a model that is given totals generates jets with such ones."""

import torch
from torch import Tensor, nn

from hepjepa_weaver.objectives.next_token.start_token import NUM_TOTALS

NUMBER = 32768
"""Number of jets kept. Few would be seen in what is generated: jets that are drawn again and again."""


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
        places = torch.arange(known, device=self.totals.device)
        classes = torch.zeros(num_jets, dtype=torch.long, device=places.device) if label is None else label
        drawn = torch.empty_like(classes)
        for number in sorted(set(classes.tolist())):
            is_one = classes == number
            same = places if label is None else places[self.label[:known] == number]
            same = same if len(same) else places
            chosen = torch.randint(len(same), (int(is_one.sum()),), generator=generator, device=places.device)
            drawn[is_one] = same[chosen]
        return self.totals[drawn]
