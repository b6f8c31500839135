"""What the particles of a jet so far add up to, for a network that predicts the next one.

The momenta of a jet's particles add up to its pT along its axis. Attention takes means, and learns sums slowly.

Shapes: N jets, P particles, D width.
"""

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.objectives.next_token.start_token import NUMBER_SCALE, TYPICAL_LOG_PT, TYPICAL_NUMBER
from hepjepa_weaver.tokens.particle_values import Particles

NUM_SUMS = 4
"""pT, pT·Δη, pT·Δφ and number of particles."""
AXIS_SCALE, LEFT_SCALE = 30.0, 10.0
SMALLEST_PT = 1e-3


class RunningTotals(nn.Module):
    """An MLP of pT, axis and number of the particles so far, and of what is left of the jet if its totals are given.

    Args:
        width: width D.
        with_totals: the totals of the jet are given.
    """

    def __init__(self, width: int, with_totals: bool = False) -> None:
        super().__init__()
        self.with_totals = with_totals
        self.mlp = nn.Sequential(nn.Linear(NUM_SUMS + 2 * with_totals, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, sums: Tensor, totals: Tensor | None = None) -> Tensor:
        """Return what is added to states (N, P, D).

        Args:
            sums: (N, P, 4), from `running_sums`.
            totals: (N, 4), from `jet_totals`; needed with `with_totals`.
        """
        pt, deta, dphi, count = sums.unbind(dim=-1)
        pt = pt.clamp(min=SMALLEST_PT)
        log_pt, number = pt.log() - TYPICAL_LOG_PT, (count - TYPICAL_NUMBER) / NUMBER_SCALE
        inputs = [log_pt, AXIS_SCALE * deta / pt, AXIS_SCALE * dphi / pt, number]
        if self.with_totals:
            assert totals is not None
            inputs += [LEFT_SCALE * (log_pt - totals[:, :1]), number - totals[:, 2:3]]
        added: Tensor = self.mlp(torch.stack(inputs, dim=-1))
        return added


def running_sums(particles: Particles) -> Tensor:
    """Return sums (N, P, 4) over each particle and those before it: pT (GeV), pT·Δη, pT·Δφ and number."""
    pt, deta, dphi = particles.pt, particles.deta, particles.dphi
    terms = torch.stack([pt, pt * deta, pt * dphi, torch.ones_like(pt)], dim=2)
    return (terms * particles.is_real.unsqueeze(2)).cumsum(dim=1)


def particles_of(jets: Jets) -> Particles:
    """Return the particles of jets, without what their features tell."""
    return Particles(jets.pt(), jets.points[:, 0], jets.points[:, 1], jets.is_real)
