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
    embedded = mod.embed(jets.features)
    bias = embed_pairs(mod.pair_embed.embed, pairs.features)
    tokens, latents = [], []
    for group in groups_of(jets.num_real, embedded.size(2), embedded.device):
        is_real = jets.is_real[group.jets, : group.length]
        x = embedded[group.jets, : group.length]
        group_bias = attention_bias(bias, pairs, group, is_real)
        for block in mod.blocks:
            x = transform(block, x, group_bias)
        tokens.append(F.pad(x, (0, 0, 0, embedded.size(1) - group.length)))
        if with_latent:
            latents.append(mod._forward_aggregator(x, ~is_real))
    return torch.cat(tokens), torch.cat(latents) if with_latent else None
