"""Causal attention one particle at a time: keys and values of the particles before are kept, not computed again.

Shapes: N jets, H heads, M places of the cache, d width of a head, D width of a token.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.particle_transformer.blocks import split_heads


@dataclass
class LayerCache:
    """Keys and values of the particles seen so far in one block.

    Attributes:
        keys: (N, H, M, d), filled up to `length`.
        values: (N, H, M, d), filled up to `length`.
        length: number of particles seen, the same for all jets.
    """

    keys: Tensor
    values: Tensor
    length: int = 0

    @classmethod
    def empty(cls, block: Any, num_jets: int, places: int, like: Tensor) -> "LayerCache":
        """Return an empty cache for weaver's `Block`, on the device and with the type of `like`."""
        shape = (num_jets, block.num_heads, places, block.head_dim)
        return cls(like.new_zeros(shape), like.new_zeros(shape))

    def add(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add keys and values (N, H, k, d) of the next particles, and return all so far (N, H, length, d)."""
        end = self.length + keys.size(2)
        self.keys[:, :, self.length : end] = keys
        self.values[:, :, self.length : end] = values
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def keep(self, jets: Tensor) -> None:
        """Keep some jets only, given by their places (n,)."""
        self.keys, self.values = self.keys[jets], self.values[jets]


def transform_next(block: Any, x: Tensor, cache: LayerCache, bias: Tensor | None = None) -> Tensor:
    """Apply one of weaver's blocks in eval mode to the next token (N, 1, D) of each jet.

    The result is that of `blocks.transform` with a causal bias.

    Args:
        block: weaver's `Block`.
        x: (N, 1, D).
        cache: keys and values of the tokens before; those of this one are added.
        bias: (N, H or 1, 1, length), added to the attention scores of this token to all up to itself.
    """
    attn = block.attn
    query, key, value = split_heads(F.linear(block.pre_attn_norm(x), attn.in_proj.weight, attn.in_proj.bias), attn)
    keys, values = cache.add(key, value)
    scores = query @ keys.transpose(2, 3) * attn.head_dim**-0.5
    weights = (scores if bias is None else scores + bias).softmax(dim=3)
    mixed = (weights @ values).transpose(1, 2).reshape(x.shape)
    scale = block.c_attn.repeat_interleave(attn.head_dim)
    attended = F.linear(mixed, attn.out_proj.weight * scale.unsqueeze(1), attn.out_proj.bias * scale)
    x = x + block.post_attn_norm(attended)
    hidden = block.post_fc_norm(block.act(block.fc1(block.pre_fc_norm(x))))
    return torch.addcmul(block.fc2(hidden), block.w_resid, x)
