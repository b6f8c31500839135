"""From pair features to the attention bias of every head: weaver's `PairEmbed`, over real pairs only."""

from itertools import zip_longest
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.particle_transformer.pairs import pieces


def embed_pairs(embed: nn.Sequential, features: Tensor) -> Tensor:
    """Return the bias (L, H) of L pairs from their `features` (L, 4), with the layers of weaver's `PairEmbed.embed`."""
    if embed.training or torch.is_grad_enabled():
        return embed_in_layers(embed, features)
    return embed_folded(embed, features)


def embed_in_layers(embed: Any, features: Tensor) -> Tensor:
    """Embed pairs layer by layer: in training, BatchNorm needs all pairs of one layer before the next.

    Pairs are rows here, and weaver's convolutions of width 1 are matrix products.
    """
    x = embed[0](features)
    for conv, norm, activation in layers_of(embed):
        x = norm(F.linear(x, conv.weight.squeeze(2), conv.bias))
        x = x if activation is None else activation(x)
    bias: Tensor = x
    return bias


def embed_folded(embed: Any, features: Tensor) -> Tensor:
    """Embed pairs without gradient, with the running statistics of BatchNorm multiplied into the weights.

    All layers are computed at once for a piece of the pairs. The BatchNorm of the features stays separate, because half
    precision needs small numbers.
    """
    scale, shift = as_scale_and_shift(embed[0])
    layers = folded_layers(embed)
    bias = features.new_empty(len(features), len(layers[-1][0]))
    for piece in pieces(features):
        x = torch.addcmul(shift, features[piece], scale)
        for weight, added, is_activated in layers:
            x = F.linear(x, weight, added)
            x = torch.ops.aten.gelu_(x) if is_activated else x
        bias[piece] = x
    return bias


def folded_layers(embed: Any) -> list[tuple[Tensor, Tensor, bool]]:
    """Return weight and bias of each layer, its BatchNorm included, and whether an activation follows."""
    folded = []
    for conv, norm, activation in layers_of(embed):
        scale, shift = as_scale_and_shift(norm)
        folded.append((conv.weight.squeeze(2) * scale.unsqueeze(1), conv.bias * scale + shift, activation is not None))
    return folded


def as_scale_and_shift(norm: Any) -> tuple[Tensor, Tensor]:
    """Return BatchNorm in eval mode as scale and shift: x · scale + shift."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def layers_of(embed: Any) -> list[tuple[Any, Any, Any]]:
    """Return convolution, BatchNorm and GELU of each layer; the BatchNorm of the features stands in front of them.

    The last layer has None in place of its GELU with `use_pre_activation_pair`.
    """
    return list(zip_longest(embed[1::3], embed[2::3], embed[3::3]))
