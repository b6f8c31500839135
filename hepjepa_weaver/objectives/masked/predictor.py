"""The predictor: from context tokens to states of the masked particles, which the heads of an objective read."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.config import PredictorConfig
from hepjepa_weaver.model.encoder import EncodedJets
from hepjepa_weaver.model.rank_embedding import RankEmbedding, pt_ranks
from hepjepa_weaver.objectives.masked.hiding import HiddenView
from hepjepa_weaver.objectives.masked.mask_token import PositionKnowledge
from hepjepa_weaver.particle_transformer.bias import attention_bias, padding_bias
from hepjepa_weaver.particle_transformer.blocks import transform, transform_all, transform_packed
from hepjepa_weaver.particle_transformer.groups import Group, groups_of
from hepjepa_weaver.particle_transformer.packing import Packing, packing_of
from hepjepa_weaver.particle_transformer.pair_embedding import embed_pairs
from hepjepa_weaver.particle_transformer.pairs import NUM_PAIR_FEATURES, Pairs
from hepjepa_weaver.particle_transformer.supported import check_block, check_pair_embedding
from hepjepa_weaver.particle_transformer.token_row import TokenRow
from hepjepa_weaver.runtime.compiled import Layout, in_layout
from hepjepa_weaver.weaver_api.networks import Block, PairEmbed


@dataclass(frozen=True)
class PredictedStates:
    """The predictor's last states, of width d, which the heads read.

    Attributes:
        hidden: (N, T, d), states of the masked particles; T is 0 if not requested.
        seen: (N, K, d), states of the context; None if not requested.
        jet: (N, d), state of the whole jet; None if not requested.
    """

    hidden: Tensor
    seen: Tensor | None
    jet: Tensor | None


class Predictor(nn.Module):
    """A transformer narrower than the encoder, over context tokens and one mask token per masked particle to predict.

    A mask token is one learned vector plus what `mask_token_knows` allows. This is the position of its particle or its
    pT rank in the jet (context tokens then get theirs too), its pT rank among the masked particles, or nothing. If the
    encoder saw masked particles as a learned vector, its token of that vector is added.
    The pairwise bias, if there is one, is between particles of the context only: the momentum of a masked particle must
    stay unknown.

    Args:
        width: width D of the encoder's tokens.
        config: options of the predictor.
        predicts_jet: return a state of the whole jet as well, from the vector of the context. A class token needs it to
            be trained: it has no other way to the loss.
        predicts_seen: return the states of the context as well.
        predicts_hidden: return the states of the masked particles. Without, there are no mask tokens.
        layout: how tokens are computed (`particle_transformer.packing`). The result is the same.
    """

    def __init__(
        self,
        width: int,
        config: PredictorConfig,
        predicts_jet: bool = True,
        predicts_seen: bool = False,
        predicts_hidden: bool = True,
        layout: Layout = "padded",
    ) -> None:
        super().__init__()
        self.dim = dim = config.predictor_dim
        self.layout = layout
        self.knows = config.mask_token_knows if predicts_hidden else "nothing"
        self.predicts_seen = predicts_seen
        self.project_in = nn.Linear(width, dim)
        self.project_event = nn.Linear(width, dim) if predicts_jet else None
        self.mask_token: nn.Parameter | None = None
        if predicts_hidden:
            self.mask_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, dim), std=0.02))
        if self.knows == "position":
            self.position = PositionKnowledge(dim)
        elif self.knows in ("pt_rank", "jet_rank"):
            self.rank = RankEmbedding(dim)
        self.pair_embed = new_pair_embedding(config)
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
        for block in self.blocks:
            check_block(block)
        if self.pair_embed is not None:
            check_pair_embedding(self.pair_embed)

    def forward(
        self, context: EncodedJets, view: HiddenView, event: Tensor | None = None, added: Tensor | None = None
    ) -> PredictedStates:
        """Return the states of N jets from their encoded context and from what may be known of the T masked particles.

        Args:
            context: the encoded context.
            view: the jets with their masks.
            event: (N, D), vector of the whole context; required with `predicts_jet`.
            added: (N, T, d), added to the mask tokens; None for nothing.
        """
        seen, hidden = self._seen_and_hidden(context, view, added)
        jet = seen[:, :0]
        if self.project_event is not None and event is not None:
            jet = self.project_event(event).unsqueeze(1)
        x = self._transform(
            TokenRow(jet, view.hidden.is_real.new_ones(jet.shape[:2]), torch.full_like(context.num_real, jet.size(1))),
            self._row_of_hidden(hidden, view.hidden),
            TokenRow(seen, context.is_real, context.num_real),
            view.context_pairs,
        )
        first_seen = jet.size(1) + hidden.size(1)
        return PredictedStates(
            hidden=x[:, jet.size(1) : first_seen],
            seen=x[:, first_seen:] if self.predicts_seen else None,
            jet=x[:, 0] if jet.size(1) else None,
        )

    def _seen_and_hidden(self, context: EncodedJets, view: HiddenView, added: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the tokens of the context (N, K, d) and the mask tokens (N, T, d); T is 0 if there are none."""
        seen = self.project_in(context.tokens)
        if self.mask_token is None:
            return seen, seen[:, :0]
        hidden = self.mask_token.expand(*view.hidden.is_real.shape, -1)
        if context.masked is not None:
            hidden = hidden + self.project_in(context.masked)
        if added is not None:
            hidden = hidden + added
        if self.knows == "position":
            seen = seen + self.position(view.context.points)
            hidden = hidden + self.position(view.hidden.points)
        elif self.knows == "pt_rank":
            hidden = hidden + self.rank(pt_ranks(view.hidden.pt(), view.hidden.is_real))
        elif self.knows == "jet_rank":
            of_context, of_hidden = view.jet_ranks()
            seen, hidden = seen + self.rank(of_context), hidden + self.rank(of_hidden)
        return seen, hidden

    def _row_of_hidden(self, tokens: Tensor, hidden: Jets) -> TokenRow:
        if self.mask_token is None:
            return TokenRow(tokens, hidden.is_real[:, :0], torch.zeros_like(hidden.num_real))
        return TokenRow(tokens, hidden.is_real, hidden.num_real)

    def _transform(self, jet: TokenRow, hidden: TokenRow, seen: TokenRow, pairs: Pairs) -> Tensor:
        """Apply the blocks to all tokens together; return those of `jet`, `hidden` and, if requested, `seen`."""
        pair_bias = embed_pairs(self.pair_embed.embed, pairs.features) if self.pair_embed is not None else None
        wanted = [jet, hidden, *([seen] if self.predicts_seen else [])]
        lengths = jet.lengths + hidden.lengths + seen.lengths
        parts = []
        for group in groups_of(lengths, self.dim, seen.tokens.device):
            rows = [row.cut(group.jets) for row in (jet, hidden, seen)]
            bias = padding_bias(torch.cat([row.is_real for row in rows], dim=1), rows[0].tokens.dtype)
            if pair_bias is not None:
                bias = bias + bias_of_seen(pair_bias, pairs, group, rows[-1].is_real, bias.size(3))
            read = [row.tokens.size(1) for row in rows][: len(wanted)]
            x = self._through_blocks(rows, bias, len(wanted))
            padded = [
                F.pad(piece, (0, 0, 0, row.tokens.size(1) - piece.size(1)))
                for piece, row in zip(torch.split(x, read, dim=1), wanted, strict=True)
            ]
            parts.append(torch.cat(padded, dim=1))
        return torch.cat(parts)

    def _through_blocks(self, rows: list[TokenRow], bias: Tensor, num_read: int) -> Tensor:
        """Apply the blocks to the rows of n jets; return the first `num_read` rows, side by side (n, q, d)."""
        x = torch.cat([row.tokens for row in rows], dim=1)
        lengths, widths = [row.lengths for row in rows], [row.tokens.size(1) for row in rows]
        states: Tensor
        if self.layout == "padded":
            *blocks, last = self.blocks
            states = self.norm(transform(last, transform_all(blocks, x, bias), bias, sum(widths[:num_read])))
        else:
            packing = packing_of(lengths, widths, x.device)
            read = packing_of(lengths[:num_read], widths[:num_read], x.device)
            states = packed_states(self.blocks, self.norm, x, bias, packing, read, self.layout)
        return states


def packed_states(
    blocks: nn.ModuleList, norm: nn.Module, x: Tensor, bias: Tensor, packing: Packing, read: Packing, layout: Layout
) -> Tensor:
    """Return the states (n, q, d) of the tokens that are read, from all tokens (n, p, d) and the bias of attention.

    Args:
        blocks: weaver's `Block`s.
        norm: applied to the states.
        x: (n, p, d).
        bias: (n, 1 or H, 1 or p, p).
        packing: where the tokens stand.
        read: where those that are read stand; they are the first ones of each jet.
        layout: whether blocks are compiled.
    """
    transformed = in_layout(transform_packed, layout)
    *front, last = blocks
    tokens = packing.pack(x)
    for block in front:
        tokens = transformed(block, tokens, bias, packing)
    return read.unpack(norm(transformed(last, tokens, bias, packing, read)))


def new_pair_embedding(config: PredictorConfig) -> PairEmbed | None:
    """Return weaver's pair embedding for the predictor's heads; None without pairwise bias."""
    if not config.predictor_pair_bias:
        return None
    dims = (config.predictor_dim, config.predictor_heads)
    return PairEmbed(NUM_PAIR_FEATURES, 0, dims, use_pre_activation_pair=False)


def bias_of_seen(values: Tensor, pairs: Pairs, group: Group, is_real: Tensor, length: int) -> Tensor:
    """Return a bias (n, H, `length`, `length`) between the context's particles, which stand last; 0 elsewhere.

    Args:
        values: (L, H), bias of all pairs.
        pairs: all pairs of the context.
        group: jets of the batch that are computed together.
        is_real: (n, K), mask of the context of this group's jets.
        length: number of all tokens.
    """
    missing = length - is_real.size(1)
    return F.pad(attention_bias(values, pairs, group, is_real), (missing, 0, missing, 0))
