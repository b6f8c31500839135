"""Weaver's networks (`weaver/nn/model`)."""

from typing import Any

from torch import Tensor
from weaver.nn.model.ParticleNet import ParticleNet
from weaver.nn.model.ParticleTransformer import Block, PairEmbed, ParticleTransformer, delta_phi

__all__ = [
    "Block",
    "PairEmbed",
    "ParticleNet",
    "ParticleTransformer",
    "class_token",
    "delta_phi",
]


def class_token(mod: Any, tokens: Tensor, is_padding: Tensor) -> Tensor:
    """Return ParT's class token (N, D) after class blocks and final norm, from tokens (N, P, D).

    Private: `_forward_aggregator` of weaver's ParticleTransformer.
    """
    latent: Tensor = mod._forward_aggregator(tokens, is_padding)
    return latent
