"""From predicted states back to the features of hidden particles: the simple tasks of masked particle modelling."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.features import CHARGE, SIGNED, TYPES, FeatureColumns
from hepjepa_weaver.inputs import Jets
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
    the batch. Of impact parameters the magnitude counts: both signs are as likely, so that the best guess would always
    be 0 (MPMv2 signs them by lifetime instead). Particle types are classes together with the charge, as in MPMv2
    [2409.12589, section 4: L1 regression; cross entropy with smoothing 0.1].
    """

    def __init__(self, width: int, columns: FeatureColumns) -> None:
        super().__init__()
        self.continuous = columns.continuous
        self.is_signed: Tensor
        self.register_buffer("is_signed", columns.marked(*SIGNED)[self.continuous], persistent=False)
        self.charge, self.types = columns.where(CHARGE), columns.where(*TYPES)
        num_classes = (len(self.types) + 1) * (3 if self.charge else 1) if self.types else 0
        self.to_values = nn.Linear(width, len(self.continuous))
        self.to_classes = nn.Linear(width, num_classes) if num_classes else None

    def forward(self, states: Tensor, features: Tensor, is_target: Tensor) -> FeatureLosses:
        """Losses of what `states` (N, T, d) say about `features` (N, C, T) of the particles marked in `is_target`."""
        wanted = self.values(features)
        difference = F.l1_loss(self.to_values(states).float(), wanted, reduction="none")
        regression = masked_mean((difference / spread(wanted, is_target)).mean(dim=2), is_target)
        if self.to_classes is None:
            return FeatureLosses(regression, None)
        logits = self.to_classes(states).float().transpose(1, 2)
        entropy = F.cross_entropy(logits, self.classes(features), reduction="none", label_smoothing=LABEL_SMOOTHING)
        return FeatureLosses(regression, masked_mean(entropy, is_target))

    def values(self, features: Tensor) -> Tensor:
        """The continuous features (N, T, R) that are predicted, from all of them (N, C, T)."""
        values = features[:, self.continuous]
        signed = self.is_signed.view(1, -1, 1)
        return torch.where(signed, values.abs(), values).transpose(1, 2)

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


def masked_mean_per_jet(x: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean (N, C) over the particles of `x` (N, P, C)."""
    weight = weight.to(x.dtype).unsqueeze(2)
    return (x * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-6)


class JetFeatureHead(nn.Module):
    """A linear layer from a jet's vector to its summed-up features: means over particles, plain and weighted by pT."""

    def __init__(self, width: int, columns: FeatureColumns) -> None:
        super().__init__()
        self.head = FeatureHead(1, columns)
        self.num_classes = self.head.to_classes.out_features if self.head.to_classes else 0
        self.project = nn.Linear(width, 2 * (len(self.head.continuous) + self.num_classes))
        self.head.requires_grad_(False)

    def forward(self, vector: Tensor, jets: Jets) -> Tensor:
        with torch.no_grad():
            values = self.head.values(jets.features)
            if self.num_classes:
                one_hot = F.one_hot(self.head.classes(jets.features), self.num_classes).to(values.dtype)
                values = torch.cat([values, one_hot], dim=2)
            pt = jets.pt() * jets.is_real
            target = torch.cat([masked_mean_per_jet(values, jets.is_real), masked_mean_per_jet(values, pt)], dim=1)
            target = (target - target.mean(dim=0)) / target.std(dim=0, correction=0).clamp(min=1e-3)
        return F.smooth_l1_loss(self.project(vector).float(), target)
