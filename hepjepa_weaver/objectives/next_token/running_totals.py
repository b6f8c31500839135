"""What the particles of a jet so far add up to, for a network that predicts the next one.

The momenta of a jet's particles add up to its pT along its axis. Attention takes means, and learns sums slowly.

Shapes: N jets, P particles, D width.
"""

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.objectives.next_token.start_token import TYPICAL_LOG_PT
from hepjepa_weaver.tokens.particle_values import Particles

NUM_SUMS = 4
"""pT, pT·Δη, pT·Δφ and number of particles."""
AXIS_SCALE = 10.0


class RunningTotals(nn.Module):
    """An MLP of pT, axis and number of the particles so far."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(NUM_SUMS, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, sums: Tensor) -> Tensor:
        """Return what is added to the states (N, P, D), from `running_sums` (N, P, 4)."""
        pt, deta, dphi, count = sums.unbind(dim=-1)
        pt = pt.clamp(min=1e-3)
        totals = [pt.log() - TYPICAL_LOG_PT, AXIS_SCALE * deta / pt, AXIS_SCALE * dphi / pt, (count - 50) / 20]
        added: Tensor = self.mlp(torch.stack(totals, dim=-1))
        return added


def running_sums(particles: Particles) -> Tensor:
    """Return sums (N, P, 4) over each particle and those before it: pT (GeV), pT·Δη, pT·Δφ and number."""
    pt, deta, dphi = particles.pt, particles.deta, particles.dphi
    terms = torch.stack([pt, pt * deta, pt * dphi, torch.ones_like(pt)], dim=2)
    return (terms * particles.is_real.unsqueeze(2)).cumsum(dim=1)


def particles_of(jets: Jets) -> Particles:
    """Return the particles of jets, without what their features tell."""
    return Particles(jets.pt(), jets.points[:, 0], jets.points[:, 1], jets.is_real)
