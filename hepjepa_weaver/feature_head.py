"""From predicted states back to the features of hidden particles: the simple tasks of masked particle modelling."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.features import CHARGE, TYPES, FeatureColumns
from hepjepa_weaver.losses import masked_mean

LABEL_SMOOTHING = 0.1
SMALLEST_SPREAD = 0.02
"""A feature that spreads less than this in a batch, as a constant, does not count for more and more."""


@dataclass(frozen=True)
class FeatureLosses:
    """Scalars: of the continuous features and, None where the data config has no particle types, of these."""

    regression: Tensor
    identity: Tensor | None

    def weighted(self, identity_weight: float) -> Tensor:
        """Their sum, with a weight for the particle types."""
        return self.regression if self.identity is None else self.regression + identity_weight * self.identity

    def parts(self) -> dict[str, Tensor]:
        """What there is, by name."""
        return {"regression": self.regression} | ({} if self.identity is None else {"identity": self.identity})


class FeatureHead(nn.Module):
    """A linear layer from states of width d to continuous features, and to classes of particle type and charge.

    Every continuous feature counts alike: differences are measured in units of its spread among the hidden particles of
    the batch. Particle types are classes together with the charge, as in MPMv2 [2409.12589, section 4: L1 regression;
    cross entropy with smoothing 0.1].
    """

    def __init__(self, width: int, columns: FeatureColumns) -> None:
        super().__init__()
        self.continuous = columns.continuous
        self.charge, self.types = columns.where(CHARGE), columns.where(*TYPES)
        num_classes = (len(self.types) + 1) * (3 if self.charge else 1) if self.types else 0
        self.to_values = nn.Linear(width, len(self.continuous))
        self.to_classes = nn.Linear(width, num_classes) if num_classes else None

    def forward(self, states: Tensor, features: Tensor, is_target: Tensor) -> FeatureLosses:
        """Losses of what `states` (N, T, d) say about `features` (N, C, T) of the particles marked in `is_target`."""
        wanted = features[:, self.continuous].transpose(1, 2)
        difference = F.l1_loss(self.to_values(states).float(), wanted, reduction="none")
        regression = masked_mean((difference / spread(wanted, is_target)).mean(dim=2), is_target)
        if self.to_classes is None:
            return FeatureLosses(regression, None)
        logits = self.to_classes(states).float().transpose(1, 2)
        entropy = F.cross_entropy(logits, self.classes(features), reduction="none", label_smoothing=LABEL_SMOOTHING)
        return FeatureLosses(regression, masked_mean(entropy, is_target))

    def classes(self, features: Tensor) -> Tensor:
        """Class (N, T) of particles with `features` (N, C, T): type, one more for none, times sign of the charge."""
        flags = features[:, self.types]
        kind = torch.where(flags.amax(dim=1) > 0, flags.argmax(dim=1), len(self.types))
        if not self.charge:
            return kind
        return 3 * kind + features[:, self.charge[0]].sign().long() + 1


@torch.no_grad()
def spread(values: Tensor, is_real: Tensor) -> Tensor:
    """Standard deviation (C,) of `values` (N, T, C) over the particles marked in `is_real` (N, T), not too small."""
    mean = masked_mean(values, is_real)
    return masked_mean((values - mean).square(), is_real).sqrt().clamp(min=SMALLEST_SPREAD)
