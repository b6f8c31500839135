"""Weaver's transformer block (`Block`, ParT version 1) with fewer passes over memory."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from hepjepa_weaver.particle_transformer.dropout import dropout
from hepjepa_weaver.particle_transformer.packing import Packing


def transform(block: Any, x: Tensor, bias: Tensor, num_out: int | None = None) -> Tensor:
    """Apply one particle-attention block to tokens (N, P, D).

    Args:
        block: weaver's `Block`.
        x: (N, P, D).
        bias: (N, H or 1, P or 1, P), added to the attention scores, minus infinity where a key is padding.
        num_out: compute the first `num_out` tokens only, if the others are not read.
    """
    normed = block.pre_attn_norm(x)
    x = x[:, :num_out]
    query, key, value = projections(block.attn, normed, x.size(1))
    return behind_attention(block, x, mix(block, query, key, value, bias))


def transform_packed(block: Any, x: Tensor, bias: Tensor, packing: Packing, read: Packing | None = None) -> Tensor:
    """Apply one particle-attention block to a list of tokens (R, D); only attention sees padded jets.

    Args:
        block: weaver's `Block`.
        x: (R, D).
        bias: (N, H or 1, P or 1, P), as in `transform`.
        packing: where the tokens stand in the jets.
        read: the same of the first tokens of each jet and of the list, if the others are not read.
    """
    read = read or packing
    projected = packing.unpack(F.linear(block.pre_attn_norm(x), block.attn.in_proj.weight, block.attn.in_proj.bias))
    query, key, value = split_heads(projected, block.attn)
    mixed = mix(block, query[:, :, : read.length], key, value, bias)
    return behind_attention(block, x[: len(read.slots)], read.pack(mixed))


def behind_attention(block: Any, x: Tensor, mixed: Tensor) -> Tensor:
    """Return the output of a block from its input and the outputs of its heads side by side, both (..., D).

    Heads are scaled by `c_attn`.
    """
    scale = block.c_attn.repeat_interleave(block.attn.head_dim)
    attended = F.linear(mixed, block.attn.out_proj.weight * scale.unsqueeze(1), block.attn.out_proj.bias * scale)
    x = x + dropout(block.post_attn_norm(attended), block.dropout.p, block.training)
    hidden = block.act(block.fc1(block.pre_fc_norm(x)))
    hidden = block.post_fc_norm(dropout(hidden, block.act_dropout.p, block.training))
    return torch.addcmul(dropout(block.fc2(hidden), block.dropout.p, block.training), block.w_resid, x)


def transform_all(blocks: Iterable[Any], x: Tensor, bias: Tensor) -> Tensor:
    """Apply particle-attention blocks one after the other to tokens (N, P, D), with the same bias as `transform`."""
    for block in blocks:
        x = transform(block, x, bias)
    return x


def mix(block: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Return the heads' outputs side by side (N, Q, D) for Q queries (N, H, Q, d) of P keys (N, H, P, d)."""
    num_jets, heads, num_queries, size = query.shape
    p = block.attn.dropout if block.training else 0.0
    attention = attention_on_cpu if query.device.type == "cpu" else attention_on_gpu
    mixed = attention(query, key, value, bias[:, :, :num_queries], p)
    return mixed.transpose(1, 2).reshape(num_jets, num_queries, heads * size)


def projections(attn: Any, x: Tensor, num_queries: int) -> tuple[Tensor, ...]:
    """Return queries (N, H, Q, d) of the first Q of P tokens (N, P, D), and keys and values (N, H, P, d) of all."""
    weight, bias = attn.in_proj.weight, attn.in_proj.bias
    if num_queries == x.size(1):
        return split_heads(F.linear(x, weight, bias), attn)
    width = x.size(2)
    query = split_heads(F.linear(x[:, :num_queries], weight[:width], bias[:width]), attn)
    return *query, *split_heads(F.linear(x, weight[width:], bias[width:]), attn)


def split_heads(x: Tensor, attn: Any) -> tuple[Tensor, ...]:
    """Split projections side by side (N, P, k D) into k tensors (N, H, P, d)."""
    num_jets, length, _ = x.shape
    heads = x.view(num_jets, length, -1, attn.num_heads, attn.head_dim).permute(2, 0, 3, 1, 4)
    return (heads.contiguous() if x.device.type == "cpu" else heads).unbind()  # one copy in place of k


def attention_on_cpu(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, p: float) -> Tensor:
    """Compute `scaled_dot_product_attention` of Q queries (N, H, Q, d) and P keys.

    PyTorch's CPU kernel takes neither a bias with gradient nor dropout, and is slower at the length of a jet. Here bias
    and product are one operation.
    """
    heads = query.size(1)
    bias = bias.expand(-1, heads, -1, -1).flatten(0, 1)
    scores = torch.baddbmm(bias, query.flatten(0, 1), key.flatten(0, 1).transpose(1, 2), alpha=query.size(3) ** -0.5)
    weights = dropout(scores.softmax(dim=2), p, p > 0)
    return torch.bmm(weights, value.flatten(0, 1)).view(query.shape)


def attention_on_gpu(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, p: float) -> Tensor:
    """Compute `scaled_dot_product_attention` with a kernel that needs no preparation per shape."""
    with ready_kernels():
        return F.scaled_dot_product_attention(query, key, value, bias, p)


def ready_kernels() -> AbstractContextManager[None]:
    """Exclude cuDNN from attention, because it prepares itself anew for every shape.

    The number of masked or remaining particles is drawn at random, so that almost every step has a new shape.
    """
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])
