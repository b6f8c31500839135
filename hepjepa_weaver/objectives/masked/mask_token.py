"""Knowledge of a mask token about the particle that it stands for."""

from torch import Tensor, nn

MAX_RANKS = 256
"""Masked particles beyond this pT rank share one embedding; weaver's JetClass configs keep 128 particles."""


class PositionKnowledge(nn.Module):
    """Δη and Δφ of each masked particle, through a small MLP as in Point-JEPA (2404.16432)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, points: Tensor) -> Tensor:
        """Embed `points` (N, 2, T) as (N, T, width)."""
        embedded: Tensor = self.mlp(points.transpose(1, 2))
        return embedded


class RankKnowledge(nn.Module):
    """pT rank of each particle among the masked ones of its jet, as in MPMv2's null tokens (2409.12589)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(MAX_RANKS, width)
        nn.init.trunc_normal_(self.embed.weight, std=0.02)

    def forward(self, pt: Tensor) -> Tensor:
        """Embed the ranks of `pt` (N, T) in GeV, padding at -inf, as (N, T, width)."""
        rank = pt.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        embedded: Tensor = self.embed(rank.clamp(max=MAX_RANKS - 1))
        return embedded
