"""Positions of particles relative to each other and to the beam."""

import torch
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.weaver_api.networks import delta_phi

FARTHEST = torch.finfo(torch.float32).max
SMALL_COVARIANCE = 2.5e-9
"""Sum of products of η and Δη, about their means, below which the two signs of Δη cannot be told apart."""


def squared_distance(points: Tensor, to: Tensor) -> Tensor:
    """Return ΔR² (N, P) between `points` (N, 2, P) and `to` (N, 2, P or 1), periodic in φ."""
    distance: Tensor = (points[:, 0] - to[:, 0]).square() + delta_phi(points[:, 1], to[:, 1]).square()
    return distance


def eta_of(jets: Jets) -> Tensor:
    """Return the pseudorapidity (N, P), 0 for padding."""
    return torch.asinh(jets.vectors[:, 2] / jets.pt().clamp(min=1e-8))


def jet_side(jets: Jets) -> Tensor:
    """Return the sign (N, 1) with which η changes with Δη.

    The jet axis η - sign · Δη is to be the same for all particles of a jet. The sign that spreads it less is that of
    the covariance of η and Δη. If that does not decide, as for a single particle, the sign is that of the jet's η.
    """
    number = jets.is_real.sum(dim=1, keepdim=True)
    values = torch.stack([eta_of(jets), jets.points[:, 0]]) * jets.is_real
    centred = (values - values.sum(dim=2, keepdim=True) / number) * jets.is_real
    covariance = (centred[0] * centred[1]).sum(dim=1, keepdim=True)
    along_beam = (jets.vectors[:, 2] * jets.is_real).sum(dim=1, keepdim=True)
    return torch.where(torch.where(covariance.abs() > SMALL_COVARIANCE, covariance, along_beam) < 0, -1.0, 1.0)
