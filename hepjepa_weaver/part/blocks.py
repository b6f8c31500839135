"""Weaver's transformer block."""

from typing import Any

from torch import Tensor


def transform(block: Any, x: Tensor, bias: Tensor) -> Tensor:
    """Tokens (N, P, D) through one particle-attention block.

    Args:
        bias: (N, H or 1, P or 1, P), added to the attention scores, minus infinity where a key is padding.
    """
    tokens: Tensor = block(x, attn_mask=bias.expand(-1, block.num_heads, x.size(1), -1))
    return tokens
