"""Prediction of the code, or the cluster, of each masked particle.

Shapes: N jets, T masked particles, d width, K codes.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from hepjepa_weaver.batch.jets import kept_particles, take
from hepjepa_weaver.objectives.linear_cross_entropy import CrossEntropy, linear_cross_entropy
from hepjepa_weaver.objectives.losses import masked_mean
from hepjepa_weaver.objectives.masked.hiding import HiddenView
from hepjepa_weaver.runtime.ranks import mean_over_processes


@dataclass(frozen=True)
class CodeLosses:
    """Losses of predicted codes, as scalars.

    Attributes:
        entropy: cross entropy, in nats per particle.
        accuracy: fraction of particles whose code is the most likely one, without gradient.
    """

    entropy: Tensor
    accuracy: Tensor


def code_losses(
    to_codes: nn.Linear, states: Tensor, wanted: Tensor, is_target: Tensor, smoothing: float = 0.0
) -> CodeLosses:
    """Return the losses of the particles marked in `is_target` (N, T).

    Args:
        to_codes: linear layer from d to K.
        states: (N, T, d).
        wanted: (N, T), the codes; those of marked particles are from 0 to K - 1.
        is_target: (N, T).
        smoothing: fraction of the probability that is spread over all codes.
    """
    return mean_losses(linear_cross_entropy(to_codes, states[is_target], wanted[is_target], smoothing))


def mean_losses(found: CrossEntropy) -> CodeLosses:
    """Return the losses per particle; 0, with zero gradients, if there is none.

    With several ranks, each divides by the mean number of particles per rank, as in `masked_mean`.
    """
    number = mean_over_processes(found.each.new_tensor(float(len(found.each)))).clamp(min=1e-6)
    return CodeLosses(found.total / number, found.hit.sum() / number)


def composition_loss(scores: Tensor, wanted: Tensor, is_target: Tensor) -> Tensor:
    """Return the mean cross entropy of the particles marked in `is_target` (N, T), a scalar in nats per particle.

    Args:
        scores: (N, K), of the jet: they are the same for all its particles.
        wanted: (N, T), the codes of its particles.
        is_target: (N, T).
    """
    return masked_mean(-scores.float().log_softmax(dim=1).gather(1, wanted.clamp(min=0)), is_target)


def of_masked(values: Tensor, view: HiddenView) -> Tensor:
    """Return the entries (N, T) of the masked particles among values (N, P) of `view.jets`."""
    index, _ = kept_particles(view.masks.is_target, view.masks.num_target)
    return take(values.unsqueeze(1), index).squeeze(1)
