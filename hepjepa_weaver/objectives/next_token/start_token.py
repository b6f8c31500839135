"""The token in front of a jet: learned, and what may be known of the jet from the start.

Shapes: N jets, D width.
"""

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import Jets

NUM_TOTALS = 4
TYPICAL_LOG_PT, TYPICAL_LOG_ENERGY = 6.5, 7.0
"""ln pT and ln E of a typical jet (GeV), subtracted from its totals."""
TYPICAL_NUMBER, NUMBER_SCALE = 50, 20
"""Number of particles of a typical jet, and how far others differ."""


class StartToken(nn.Module):
    """A learned vector, plus the class of the jet and its totals if these are given.

    Args:
        width: width D.
        num_classes: number of classes; 0 without them. A jet without a class has a vector of its own.
        with_totals: add pT, energy, number of particles and |η| of the jet.
    """

    def __init__(self, width: int, num_classes: int = 0, with_totals: bool = False) -> None:
        super().__init__()
        self.vector = nn.Parameter(nn.init.trunc_normal_(torch.empty(width), std=0.02))
        self.of_class = nn.Embedding(num_classes + 1, width) if num_classes else None
        self.of_totals = nn.Linear(NUM_TOTALS, width) if with_totals else None

    def forward(self, num_jets: int, label: Tensor | None = None, totals: Tensor | None = None) -> Tensor:
        """Return the tokens (N, 1, D) of jets.

        Args:
            num_jets: number N.
            label: (N,), class of each jet, negative if unknown; None if all are unknown.
            totals: (N, 4), from `jet_totals`.
        """
        token = self.vector.expand(num_jets, -1)
        if self.of_class is not None:
            unknown = self.of_class.num_embeddings - 1
            if label is None:
                label = torch.full((num_jets,), unknown, device=token.device)
            token = token + self.of_class(torch.where(label < 0, unknown, label))
        if self.of_totals is not None and totals is not None:
            token = token + self.of_totals(totals)
        return token.unsqueeze(1)


def jet_totals(jets: Jets) -> Tensor:
    """Return ln pT, ln E (GeV), number of particles and |η| of jets (N, 4), shifted and scaled to be of order 1."""
    px, py, pz, energy = (jets.vectors * jets.is_real.unsqueeze(1)).sum(dim=2).unbind(dim=1)
    pt = torch.hypot(px, py).clamp(min=1e-3)
    count = jets.is_real.sum(dim=1)
    return torch.stack(
        [
            pt.log() - TYPICAL_LOG_PT,
            energy.clamp(min=1e-3).log() - TYPICAL_LOG_ENERGY,
            (count - TYPICAL_NUMBER) / NUMBER_SCALE,
            (pz.abs() / pt).asinh(),
        ],
        dim=1,
    )
