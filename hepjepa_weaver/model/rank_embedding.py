"""Learned vectors for the pT rank of particles. They break the symmetry under permutations.

Shapes: N jets, P particles.
"""

from torch import Tensor, nn

MAX_RANKS = 256
"""Particles beyond this pT rank share one vector; weaver's JetClass configs keep 128 particles."""


class RankEmbedding(nn.Module):
    """One vector for each rank [positions of MPM 2401.13537; null tokens of MPMv2 2409.12589]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(MAX_RANKS, width)
        nn.init.trunc_normal_(self.embed.weight, std=0.02)

    def forward(self, ranks: Tensor) -> Tensor:
        """Embed ranks (N, P) as (N, P, width)."""
        embedded: Tensor = self.embed(ranks.clamp(max=MAX_RANKS - 1))
        return embedded


def pt_ranks(pt: Tensor, is_real: Tensor) -> Tensor:
    """Return the ranks (N, P) of particles by falling `pt` (N, P), from 0; padding comes last."""
    order = pt.masked_fill(~is_real, -float("inf")).argsort(dim=1, descending=True, stable=True)
    return order.argsort(dim=1)
