"""Positions of particles relative to each other and to the beam."""

import torch
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.weaver_api import delta_phi

FARTHEST = torch.finfo(torch.float32).max
SMALL_SPREAD = 1e-8
"""Difference of summed squares of η below which the two signs of Δη cannot be told apart."""


def squared_distance(points: Tensor, to: Tensor) -> Tensor:
    """Return ΔR² (N, P) between `points` (N, 2, P) and `to` (N, 2, P or 1), periodic in φ."""
    distance: Tensor = (points[:, 0] - to[:, 0]).square() + delta_phi(points[:, 1], to[:, 1]).square()
    return distance


def eta_of(jets: Jets) -> Tensor:
    """Return the pseudorapidity (N, P), 0 for padding."""
    return torch.asinh(jets.vectors[:, 2] / jets.pt().clamp(min=1e-8))


def jet_side(jets: Jets) -> Tensor:
    """Return the sign (N, 1) with which η changes with Δη.

    With the right sign, the jet axis η - sign · Δη is the same for all particles of a jet. If that does not decide, as
    for a single particle, the sign is that of the jet's η.
    """
    eta, spreads = eta_of(jets), []
    for sign in (1.0, -1.0):
        axis = eta - sign * jets.points[:, 0]
        mean = (axis * jets.is_real).sum(dim=1, keepdim=True) / jets.is_real.sum(dim=1, keepdim=True)
        spreads.append(((axis - mean).square() * jets.is_real).sum(dim=1, keepdim=True))
    away = torch.where((jets.vectors[:, 2] * jets.is_real).sum(dim=1, keepdim=True) < 0, -1.0, 1.0)
    is_clear = (spreads[0] - spreads[1]).abs() > SMALL_SPREAD
    return torch.where(is_clear, torch.where(spreads[0] < spreads[1], 1.0, -1.0), away)
