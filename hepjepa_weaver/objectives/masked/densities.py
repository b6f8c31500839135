"""Densities of masked particles as targets: a normalising flow, and flow matching [MPMv2 2409.12589, section 4].

A regression predicts one value, the median or mean of what is possible. A density tells all that is possible.

Shapes: N jets, T masked particles, F features, d width of the predictor, L particles of a batch.
"""

import math
from itertools import pairwise

import torch
import zuko
from torch import Tensor, nn

from hepjepa_weaver.config import MpmTargetConfig
from hepjepa_weaver.objectives.losses import masked_mean
from hepjepa_weaver.runtime.precision import in_single_precision
from hepjepa_weaver.runtime.ranks import mean_over_processes

FLOW_WIDTHS, FLOW_BINS = (64, 64), 8
"""Widths of the networks in each coupling, and bins of its splines [MPMv2 2409.12589, code]."""
VELOCITY_WIDTHS = (128, 128, 128)
"""Widths of the network of flow matching [MPMv2 2409.12589, code]."""
TIME_FREQUENCIES = 8


class FlowTarget(nn.Module):
    """A conditional normalising flow of rational-quadratic splines in couplings; its loss is -ln p of a particle.

    Features such as the impact parameter of a neutral particle have the same value for many particles, and an infinite
    density there. Gaussian noise keeps the density finite.

    Args:
        width: width d of the states.
        number: number F of features.
        config: options of the targets.
    """

    def __init__(self, width: int, number: int, config: MpmTargetConfig) -> None:
        super().__init__()
        self.noise = config.flow_noise
        self.flow = zuko.flows.NSF(
            number, width, bins=FLOW_BINS, transforms=config.flow_layers, passes=2, hidden_features=FLOW_WIDTHS
        )

    def forward(self, states: Tensor, values: Tensor, is_target: Tensor) -> Tensor:
        """Return the mean of -ln p, in nats per particle, of values (N, T, F) given states (N, T, d)."""
        chosen = values[is_target]
        if not len(chosen):
            return self._nothing(states)
        noisy = chosen + self.noise * torch.randn_like(chosen)
        with in_single_precision(states):
            surprise = -self.flow(states[is_target].float()).log_prob(noisy)
        total: Tensor = surprise.sum() / mean_over_processes(surprise.new_tensor(float(len(surprise)))).clamp(min=1)
        return total

    def _nothing(self, states: Tensor) -> Tensor:
        """Return 0 with a gradient of 0 for states and weights, which DDP asks for."""
        mean_over_processes(states.new_zeros(()))  # as the other ranks do
        return torch.stack([0 * part.sum() for part in (states, *self.parameters())]).sum()


class FlowMatchingTarget(nn.Module):
    """Flow matching of each masked particle by itself, given its state [2210.02747; MPMv2 2409.12589].

    A network predicts the velocity from noise to the particle, at a place between both.

    Args:
        width: width d of the states.
        number: number F of features.
    """

    def __init__(self, width: int, number: int) -> None:
        super().__init__()
        widths = (number + 2 * TIME_FREQUENCIES + width, *VELOCITY_WIDTHS)
        layers = [nn.Sequential(nn.Linear(a, b), nn.GELU()) for a, b in pairwise(widths)]
        self.velocity = nn.Sequential(*layers, nn.Linear(widths[-1], number))

    def forward(self, states: Tensor, values: Tensor, is_target: Tensor) -> Tensor:
        """Return the mean squared error of the velocity of values (N, T, F) given states (N, T, d)."""
        path = noise_to(values)
        given = torch.cat([path.place, path.embedded_time(), states], dim=2)
        error = (self.velocity(given).float() - path.velocity).square().mean(dim=2)
        return masked_mean(error, is_target)


class Path:
    """A straight path from noise to values (N, T, F), at one time for each jet.

    Attributes:
        time: (N, 1, 1), between 0 (noise) and 1.
        place: (N, T, F), where the path is at that time.
        velocity: (N, T, F).
    """

    def __init__(self, values: Tensor, noise: Tensor, time: Tensor) -> None:
        self.time, self.place, self.velocity = time, noise.lerp(values, time), values - noise

    def embedded_time(self) -> Tensor:
        """Return sines and cosines (N, T, 2 · 8) of the time."""
        frequencies = math.pi * 2.0 ** torch.arange(TIME_FREQUENCIES, device=self.time.device)
        angles = self.time * frequencies / 2
        both = torch.cat([angles.sin(), angles.cos()], dim=2)
        return both.expand(-1, self.place.size(1), -1)


def noise_to(values: Tensor) -> Path:
    """Draw a path to values (N, T, F): normal noise, and the sigmoid of a normal number as the time of each jet."""
    time = torch.randn(len(values), 1, 1, device=values.device).sigmoid()
    return Path(values, torch.randn_like(values), time)
