"""From the tokens of a jet to one vector, in heads that are trained with labels.

Shapes: N jets, P particles, D width.
"""

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import mean_over_real
from hepjepa_weaver.weaver_api.networks import Block


class Summation(nn.Module):
    """A linear layer and ReLU for each token, summed over the particles [OmniJet-α 2403.05618]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Linear(width, width), nn.ReLU())

    def forward(self, tokens: Tensor, is_real: Tensor) -> Tensor:
        """Return vectors (N, D) of tokens (N, P, D), of which those in `is_real` (N, P) are particles."""
        summed: Tensor = (self.each(tokens) * is_real.unsqueeze(2)).sum(dim=1)
        return summed


class ClassAttention(nn.Module):
    """ParT's class blocks: a learned token attends to those of the particles [ParT 2202.03772].

    Args:
        width: width D.
        num_blocks: number of blocks.
        num_heads: number of attention heads.
    """

    def __init__(self, width: int, num_blocks: int, num_heads: int) -> None:
        super().__init__()
        self.token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, width), std=0.02))
        self.blocks = nn.ModuleList(
            Block(embed_dim=width, num_heads=num_heads, dropout=0, attn_dropout=0, activation_dropout=0)
            for _ in range(num_blocks)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, is_real: Tensor) -> Tensor:
        """Return vectors (N, D) of tokens (N, P, D), of which those in `is_real` (N, P) are particles."""
        token = self.token.expand(len(tokens), -1, -1)
        for block in self.blocks:
            token = block(tokens, x_cls=token, padding_mask=~is_real)
        vector: Tensor = self.norm(token).squeeze(1)
        return vector


class Mean(nn.Module):
    """The mean over the particles' tokens."""

    def forward(self, tokens: Tensor, is_real: Tensor) -> Tensor:
        """Return vectors (N, D) of tokens (N, P, D), of which those in `is_real` (N, P) are particles."""
        return mean_over_real(tokens, is_real)
