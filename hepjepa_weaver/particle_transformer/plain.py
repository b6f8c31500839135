"""The forward pass with weaver's own modules, block by block: slower, with fixed shapes, for ONNX."""

from typing import Any

from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.weaver_api.networks import class_token


def encode_plainly(
    mod: Any, jets: Jets, with_latent: bool, attention_bias: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Compute tokens (N, P, D) and, if wanted, the class token (N, D) of N jets.

    Args:
        mod: weaver's ParT, version 1, no head.
        jets: the jets.
        with_latent: compute the class token.
        attention_bias: as in `encode.Extra`.
    """
    is_padding = ~jets.is_real
    x = mod.embed(jets.features).masked_fill(is_padding.unsqueeze(2), 0)
    bias = None
    if mod.pair_embed is not None:
        bias = mod.pair_embed(jets.vectors, mask=jets.is_real.unsqueeze(1))
    if attention_bias is not None and len(mod.blocks):
        heads, length = mod.blocks[0].num_heads, x.size(1)
        given = attention_bias.expand(x.size(0), heads, length, length)
        bias = given if bias is None else bias + given
    for block in mod.blocks:
        x = block(x, padding_mask=is_padding, attn_mask=bias)
    return x, class_token(mod, x, is_padding) if with_latent else None
