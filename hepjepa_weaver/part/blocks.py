"""Weaver's transformer block (`Block`, ParT version 1) with fewer passes over memory."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.part.dropout import dropout


def transform(block: Any, x: Tensor, bias: Tensor) -> Tensor:
    """Tokens (N, P, D) through one particle-attention block.

    Args:
        bias: (N, H or 1, P or 1, P), added to the attention scores, minus infinity where a key is padding.
    """
    attended = attend(block, block.pre_attn_norm(x), bias)
    x = x + dropout(block.post_attn_norm(attended), block.dropout.p, block.training)
    hidden = block.act(block.fc1(block.pre_fc_norm(x)))
    hidden = block.post_fc_norm(dropout(hidden, block.act_dropout.p, block.training))
    return torch.addcmul(dropout(block.fc2(hidden), block.dropout.p, block.training), block.w_resid, x)


def attend(block: Any, x: Tensor, bias: Tensor) -> Tensor:
    """Multi-head attention among tokens (N, P, D), its heads scaled by the block's `c_attn`."""
    attn = block.attn
    num_jets, length, width = x.shape
    qkv = F.linear(x, attn.in_proj.weight, attn.in_proj.bias)
    query, key, value = qkv.view(num_jets, length, 3, attn.num_heads, attn.head_dim).permute(2, 0, 3, 1, 4)
    p = attn.dropout if block.training else 0.0
    mix = attention_on_cpu if x.device.type == "cpu" else F.scaled_dot_product_attention
    mixed = mix(query, key, value, bias, p).transpose(1, 2).reshape(num_jets, length, width)
    scale = block.c_attn.repeat_interleave(attn.head_dim)
    return F.linear(mixed, attn.out_proj.weight * scale.unsqueeze(1), attn.out_proj.bias * scale)


def attention_on_cpu(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, p: float) -> Tensor:
    """`scaled_dot_product_attention` of (N, H, P, d), whose CPU kernel takes neither a bias with gradient nor dropout
    and is slower at a jet's length. Bias and product are one operation here."""
    num_jets, heads, length, dim = query.shape
    flat = (num_jets * heads, length, dim)
    bias = bias.expand(-1, heads, -1, -1).flatten(0, 1)
    scores = torch.baddbmm(bias, query.reshape(flat), key.reshape(flat).transpose(1, 2), alpha=dim**-0.5)
    weights = dropout(scores.softmax(dim=2), p, p > 0)
    return torch.bmm(weights, value.reshape(flat)).view(num_jets, heads, length, dim)
