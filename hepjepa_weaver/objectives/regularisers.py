"""Regularisers that keep the embeddings (N, D) of a batch apart, as pure functions.

All but `sigreg` are 0 for fewer than two jets.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SIGREG_DIRECTIONS = 256
SIGREG_POINTS = 17
SIGREG_END = 3.0
EPS = 1e-8


def koleo(embedding: Tensor) -> Tensor:
    """Compute the mean of -log of the distance to the nearest other jet, on the unit sphere.

    [Sablayrolles et al. 1806.03198, eq. 4; used by DINOv2 2304.07193]
    """
    if len(embedding) < 2:
        return 0 * embedding.sum()
    x = F.normalize(embedding.float(), dim=1)
    with torch.no_grad():
        nearest = (x @ x.T).fill_diagonal_(-2).argmax(dim=1)
    return -((x - x[nearest]).square().sum(dim=1) + EPS).sqrt().log().mean()


def variance_hinge(embedding: Tensor) -> Tensor:
    """Compute the mean over directions of max(0, 1 - standard deviation) [VICReg 2105.04906, eq. 1]."""
    if len(embedding) < 2:
        return 0 * embedding.sum()
    return F.relu(1 - (embedding.float().var(dim=0) + 1e-4).sqrt()).mean()


def covariance_penalty(embedding: Tensor) -> Tensor:
    """Sum the squared covariances between different directions, divided by D [VICReg 2105.04906, eq. 4]."""
    if len(embedding) < 2:
        return 0 * embedding.sum()
    centred = embedding.float() - embedding.float().mean(dim=0)
    covariance = centred.T @ centred / (len(centred) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / embedding.size(1)


def sigreg(embedding: Tensor) -> Tensor:
    """Measure how far the embeddings are from an isotropic standard normal distribution [LeJEPA 2511.08544, SIGReg].

    The measure is the mean of the Epps-Pulley statistic along random directions, drawn anew at each call. Along each
    direction, the squared distance between the empirical characteristic function and exp(-t²/2) is integrated over t.
    The integral has the weight exp(-t²/2), follows the trapezoid rule and is multiplied by N.
    """
    x = embedding.float()
    direction = F.normalize(torch.randn(x.size(1), SIGREG_DIRECTIONS, device=x.device), dim=0)
    t = torch.linspace(0, SIGREG_END, SIGREG_POINTS, device=x.device)
    normal = (-t.square() / 2).exp()
    angle = (x @ direction).unsqueeze(2) * t
    distance = (angle.cos().mean(dim=0) - normal).square() + angle.sin().mean(dim=0).square()
    # The statistic is symmetric in t: half of the axis counts twice.
    statistic: Tensor = 2 * torch.trapezoid(distance * normal, t, dim=1) * len(x)
    return statistic.mean()
