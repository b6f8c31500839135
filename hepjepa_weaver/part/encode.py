"""Tokens and class token of jets from weaver's ParT."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.inputs import Jets
from hepjepa_weaver.part.bias import attention_bias
from hepjepa_weaver.part.blocks import transform
from hepjepa_weaver.part.groups import groups_of
from hepjepa_weaver.part.pair_embedding import embed_pairs
from hepjepa_weaver.part.pairs import Pairs


def encode(mod: Any, jets: Jets, pairs: Pairs, with_latent: bool) -> tuple[Tensor, Tensor | None]:
    """What weaver's ParT `mod` (version 1, no head) makes of N jets: tokens (N, P, D) and class token (N, D).

    Args:
        pairs: those of the jets' real particles (`real_pairs`).
        with_latent: compute the class token; None otherwise.
    """
    tokens = mod.embed(jets.features)
    pair_bias = embed_pairs(mod.pair_embed.embed, pairs.features)
    return through_blocks(mod, tokens, pair_bias, jets, pairs, with_latent)


def through_blocks(
    mod: Any, tokens: Tensor, pair_bias: Tensor, jets: Jets, pairs: Pairs, with_latent: bool
) -> tuple[Tensor, Tensor | None]:
    """Particle blocks and class blocks, from embedded particles (N, P, D) and the bias (L, H) of each pair."""
    whole, latents = [], []
    for group in groups_of(jets.num_real, tokens.size(2), tokens.device):
        is_real = jets.is_real[group.jets, : group.length]
        x = tokens[group.jets, : group.length]
        bias = attention_bias(pair_bias, pairs, group, is_real)
        for block in mod.blocks:
            x = transform(block, x, bias)
        whole.append(F.pad(x, (0, 0, 0, tokens.size(1) - group.length)))
        if with_latent:
            latents.append(mod._forward_aggregator(x, ~is_real))
    return torch.cat(whole), torch.cat(latents) if with_latent else None
