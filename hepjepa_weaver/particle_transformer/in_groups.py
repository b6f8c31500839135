"""Tokens of jets through transformer blocks without pairwise bias, group by group, each padded to its own longest.

Shapes: N jets, P tokens, D width.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.particle_transformer.bias import causal_bias, padding_bias
from hepjepa_weaver.particle_transformer.groups import groups_of


def through_groups(
    x: Tensor, is_token: Tensor, num_tokens: Tensor, is_causal: bool, blocks: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Return tokens (N, P, D) behind blocks; those of padding mean nothing.

    Args:
        x: (N, P, D).
        is_token: (N, P), False for padding.
        num_tokens: (N,), number of tokens per jet, on the host. Jets of similar number should stand side by side.
        is_causal: let each token see itself and those before it only.
        blocks: applies all blocks to tokens (n, p, D), with a bias (n, 1, 1 or p, p) of the attention.
    """
    parts = []
    for group in groups_of(num_tokens, x.size(2), x.device):
        tokens = x[group.jets, : group.length]
        bias = padding_bias(is_token[group.jets, : group.length], tokens.dtype)
        if is_causal:
            bias = bias + causal_bias(group.length, x.device).to(bias.dtype)
        parts.append(F.pad(blocks(tokens, bias), (0, 0, 0, x.size(1) - group.length)))
    return torch.cat(parts)
