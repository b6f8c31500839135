"""From predicted states to the features of masked particles: the simple tasks of masked particle modelling."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.batch.columns import CHARGE, TYPES, FeatureColumns
from hepjepa_weaver.objectives.losses import masked_mean, masked_smooth_l1

LABEL_SMOOTHING = 0.1


@dataclass(frozen=True)
class FeatureLosses:
    """Losses of the masked particles' features, as scalars.

    Attributes:
        regression: loss of the continuous features.
        identity: loss of the particle types; None if the data config has none.
    """

    regression: Tensor
    identity: Tensor | None

    def weighted(self, identity_weight: float) -> Tensor:
        """Return the sum of both losses, with a weight for the particle types."""
        return self.regression if self.identity is None else self.regression + identity_weight * self.identity

    def terms(self) -> dict[str, Tensor]:
        """Return the losses that there are, by name."""
        return {"regression": self.regression} | ({} if self.identity is None else {"identity": self.identity})


class FeatureHead(nn.Module):
    """Linear layers from states of width d to continuous features and to classes of particle type and charge.

    Continuous features are compared by smooth-L1, standardised as in the data config. MPMv2, whose features all have a
    normal distribution, uses L1. The classes combine particle type and charge. As in MPMv2, their loss is cross entropy
    with label smoothing 0.1 [2409.12589, section 4].
    """

    def __init__(self, width: int, columns: FeatureColumns) -> None:
        super().__init__()
        self.continuous = columns.continuous
        self.charge, self.types = columns.where(CHARGE), columns.where(*TYPES)
        num_classes = (len(self.types) + 1) * (3 if self.charge else 1) if self.types else 0
        self.to_values = nn.Linear(width, len(self.continuous))
        self.to_classes = nn.Linear(width, num_classes) if num_classes else None

    def forward(
        self, states: Tensor, features: Tensor, is_target: Tensor, wanted: Tensor | None = None
    ) -> FeatureLosses:
        """Compute the losses between `states` (N, T, d) and `features` (N, C, T).

        Args:
            states: (N, T, d).
            features: (N, C, T), as standardised in the data config.
            is_target: (N, T), only particles marked here count.
            wanted: (N, T, F), the continuous features in another scale; None takes them as they are.
        """
        wanted = features[:, self.continuous].transpose(1, 2) if wanted is None else wanted
        regression = masked_smooth_l1(self.to_values(states).float(), wanted, is_target)
        if self.to_classes is None:
            return FeatureLosses(regression, None)
        logits = self.to_classes(states).float().transpose(1, 2)
        entropy = F.cross_entropy(logits, self.classes(features), reduction="none", label_smoothing=LABEL_SMOOTHING)
        return FeatureLosses(regression, masked_mean(entropy, is_target))

    def classes(self, features: Tensor) -> Tensor:
        """Return the class (N, T) of particles with `features` (N, C, T).

        There is one class for each particle type, or for no type, and each sign of the charge.
        """
        flags = features[:, self.types]
        kind = torch.where(flags.amax(dim=1) > 0, flags.argmax(dim=1), len(self.types))
        if not self.charge:
            return kind
        return 3 * kind + features[:, self.charge[0]].sign().long() + 1
