"""Prediction of the code, or the cluster, of each masked particle.

Shapes: N jets, T masked particles, K codes.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.batch.jets import kept_particles, take
from hepjepa_weaver.objectives.losses import masked_mean
from hepjepa_weaver.objectives.masked.hiding import HiddenView


@dataclass(frozen=True)
class CodeLosses:
    """Losses of predicted codes, as scalars.

    Attributes:
        entropy: cross entropy, in nats per particle.
        accuracy: fraction of particles whose code is the most likely one, without gradient.
    """

    entropy: Tensor
    accuracy: Tensor


def code_losses(scores: Tensor, wanted: Tensor, is_target: Tensor, smoothing: float = 0.0) -> CodeLosses:
    """Return the losses of the particles marked in `is_target` (N, T).

    Args:
        scores: (N, T, K).
        wanted: (N, T), the codes; negative where there is none.
        is_target: (N, T).
        smoothing: fraction of the probability that is spread over all codes.
    """
    wanted, scores = wanted.clamp(min=0), scores.float()
    entropy = F.cross_entropy(scores.transpose(1, 2), wanted, reduction="none", label_smoothing=smoothing)
    hit = (scores.detach().argmax(dim=2) == wanted).float()
    return CodeLosses(masked_mean(entropy, is_target), masked_mean(hit, is_target))


def of_masked(values: Tensor, view: HiddenView) -> Tensor:
    """Return the entries (N, T) of the masked particles among values (N, P) of `view.jets`."""
    index, _ = kept_particles(view.masks.is_target, view.masks.num_target)
    return take(values.unsqueeze(1), index).squeeze(1)
