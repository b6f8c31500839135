"""The predictor: from context tokens to the embeddings of the hidden particles."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from weaver.nn.model.ParticleTransformer import Block

from hepjepa_weaver.config import PredictorConfig
from hepjepa_weaver.encoder import EncodedJets
from hepjepa_weaver.part.bias import padding_bias
from hepjepa_weaver.part.blocks import transform
from hepjepa_weaver.part.groups import groups_of
from hepjepa_weaver.part.token_row import TokenRow

MAX_RANKS = 256
"""Hidden particles beyond this pT rank share one embedding; weaver's JetClass configs keep 128 particles."""


@dataclass(frozen=True)
class Prediction:
    """Predicted embeddings of the target particles (N, T, D) and, if asked for, of the whole jet (N, D)."""

    tokens: Tensor
    latent: Tensor | None


class PositionKnowledge(nn.Module):
    """Δη and Δφ of each hidden particle, through a small MLP as in Point-JEPA (2404.16432)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, points: Tensor) -> Tensor:
        """Embed `points` (N, 2, T) as (N, T, width)."""
        embedded: Tensor = self.mlp(points.transpose(1, 2))
        return embedded


class RankKnowledge(nn.Module):
    """pT rank of each particle among the hidden ones of its jet, as in MPMv2's null tokens (2409.12589)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(MAX_RANKS, width)
        nn.init.trunc_normal_(self.embed.weight, std=0.02)

    def forward(self, pt: Tensor) -> Tensor:
        """Embed the ranks of `pt` (N, T) in GeV, padding at -inf, as (N, T, width)."""
        rank = pt.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        embedded: Tensor = self.embed(rank.clamp(max=MAX_RANKS - 1))
        return embedded


class Predictor(nn.Module):
    """A transformer narrower than the encoder, over context tokens and one mask token per target.

    A mask token is one learned vector plus what `mask_token_knows` allows: the position of its particle
    (then context tokens get theirs too), its pT rank among the hidden particles, or nothing.

    Args:
        width: width D of the encoder's tokens.
        with_latent: predict the latent of the whole jet as well, from the context's latent. Without that way
            back to the context encoder its class token would not be trained.
    """

    def __init__(self, width: int, config: PredictorConfig, with_latent: bool = True) -> None:
        super().__init__()
        dim = config.predictor_dim
        self.knows = config.mask_token_knows
        self.project_in = nn.Linear(width, dim)
        self.mask_token = nn.Parameter(torch.empty(1, 1, dim))
        if self.knows == "position":
            self.position = PositionKnowledge(dim)
        elif self.knows == "pt_rank":
            self.rank = RankKnowledge(dim)
        self.blocks = nn.ModuleList(
            Block(
                embed_dim=dim,
                num_heads=config.predictor_heads,
                dropout=0,
                attn_dropout=0,
                activation_dropout=0,
            )
            for _ in range(config.predictor_layers)
        )
        self.norm = nn.LayerNorm(dim)
        self.project_out = nn.Linear(dim, width)
        self.project_latent_in = nn.Linear(width, dim) if with_latent else None
        self.project_latent_out = nn.Linear(dim, width) if with_latent else None
        nn.init.trunc_normal_(self.mask_token, std=0.02)

    def forward(
        self,
        context: EncodedJets,
        context_points: Tensor,
        hidden_points: Tensor,
        hidden_pt: Tensor,
        is_target: Tensor,
        num_target: Tensor,
    ) -> Prediction:
        """Predict the embeddings of T hidden particles from K visible ones.

        Args:
            context: the encoded context, tokens (N, K, D) and latent (N, D).
            context_points: (N, 2, K), Δη and Δφ of the context.
            hidden_points: (N, 2, T), Δη and Δφ of the hidden particles.
            hidden_pt: (N, T), their transverse momentum in GeV.
            is_target: (N, T), False for padding.
            num_target: (N,), hidden particles of each jet, on the host.
        """
        seen = self.project_in(context.tokens)
        hidden = self.mask_token.expand(*is_target.shape, -1)
        if self.knows == "position":
            seen = seen + self.position(context_points)
            hidden = hidden + self.position(hidden_points)
        elif self.knows == "pt_rank":
            hidden = hidden + self.rank(hidden_pt.masked_fill(~is_target, -torch.inf))
        jet = seen[:, :0]
        if self.project_latent_in is not None and context.latent is not None:
            jet = self.project_latent_in(context.latent).unsqueeze(1)
        x = self._transform(
            TokenRow(jet, is_target.new_ones(jet.shape[:2]), torch.full_like(num_target, jet.size(1))),
            TokenRow(hidden, is_target, num_target),
            TokenRow(seen, context.is_real, context.num_real),
        )
        latent = self.project_latent_out(x[:, 0]) if self.project_latent_out is not None else None
        return Prediction(self.project_out(x[:, jet.size(1) :]), latent)

    def _transform(self, jet: TokenRow, hidden: TokenRow, seen: TokenRow) -> Tensor:
        """The tokens of `jet` and `hidden`, side by side, after all have gone through the blocks together."""
        parts, num_out = [], jet.tokens.size(1) + hidden.tokens.size(1)
        lengths = jet.lengths + hidden.lengths + seen.lengths
        for group in groups_of(lengths, self.mask_token.size(2), self.mask_token.device):
            rows = [row.cut(group.jets) for row in (jet, hidden, seen)]
            read = rows[0].tokens.size(1) + rows[1].tokens.size(1)
            x = torch.cat([row.tokens for row in rows], dim=1)
            bias = padding_bias(torch.cat([row.is_real for row in rows], dim=1), x.dtype)
            for block in self.blocks[:-1]:
                x = transform(block, x, bias)
            x = self.norm(transform(self.blocks[-1], x, bias, num_out=read))
            parts.append(F.pad(x, (0, 0, 0, num_out - read)))
        return torch.cat(parts)
