"""Tokens and class token of jets from weaver's ParT."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.particle_transformer.bias import attention_bias, padding_bias, with_registers
from hepjepa_weaver.particle_transformer.blocks import ready_kernels, transform
from hepjepa_weaver.particle_transformer.groups import Group, groups_of
from hepjepa_weaver.particle_transformer.pair_embedding import embed_pairs
from hepjepa_weaver.particle_transformer.pairs import Pairs
from hepjepa_weaver.weaver_api import class_token

LayerMean = Literal["blocks", "blocks_and_input"]


@dataclass(frozen=True)
class Wanted:
    """Results to compute besides the particles' tokens.

    Attributes:
        latent: the class token.
        layer_mean: the mean over the layer-normed outputs of all blocks, with or without the embedded input.
    """

    latent: bool = True
    layer_mean: LayerMean | None = None


@dataclass(frozen=True)
class Extra:
    """Further input of the particle blocks: tokens besides the particles, and a bias of their attention.

    Attributes:
        registers: (R, D), tokens that belong to no particle.
        attention_bias: (N or 1, H or 1, P, P), added to the attention scores of particles. Minus infinity forbids a
            query (third dimension) to attend to a key (fourth). Registers then see each other only, as if they stood in
            front of the particles.
    """

    registers: Tensor | None = None
    attention_bias: Tensor | None = None


def encode(
    mod: Any, jets: Jets, pairs: Pairs, wanted: Wanted, extra: Extra | None = None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Compute the output of weaver's ParT `mod` (version 1, no head) for N jets.

    Args:
        mod: weaver's ParticleTransformer.
        jets: the jets.
        pairs: pairs of the jets' real particles (`real_pairs`). Their features are not used if `mod` has no pair bias.
        wanted: results besides the tokens.
        extra: further input of the particle blocks.

    Returns:
        Tokens (N, P, D), class token (N, D) and mean over layers (N, P, D); None for what is not wanted.
    """
    tokens = mod.embed(jets.features)
    pair_bias = embed_pairs(mod.pair_embed.embed, pairs.features) if mod.pair_embed is not None else None
    return through_blocks(mod, tokens, pair_bias, jets, pairs, wanted, extra or Extra())


def through_blocks(
    mod: Any, tokens: Tensor, pair_bias: Tensor | None, jets: Jets, pairs: Pairs, wanted: Wanted, extra: Extra
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Apply particle blocks and class blocks to embedded particles (N, P, D), with the bias (L, H) of each pair."""
    whole, latents, means = [], [], []
    for group in groups_of(jets.num_real, tokens.size(2), tokens.device):
        is_real = jets.is_real[group.jets, : group.length]
        x = tokens[group.jets, : group.length]
        bias = bias_of_group(pair_bias, pairs, group, is_real, x.dtype, extra)
        if extra.registers is not None:
            x = torch.cat([x, extra.registers.expand(len(x), -1, -1)], dim=1)
        layers = [x]
        for block in mod.blocks:
            layers.append(transform(block, layers[-1], bias))
        layers = [layer[:, : group.length] for layer in layers]
        missing = (0, 0, 0, tokens.size(1) - group.length)
        whole.append(F.pad(layers[-1], missing))
        if wanted.latent:
            with ready_kernels():
                latents.append(class_token(mod, layers[-1], ~is_real))
        if wanted.layer_mean:
            used = layers if wanted.layer_mean == "blocks_and_input" else layers[1:]
            means.append(F.pad(mean_of_layers(used), missing))
    return torch.cat(whole), torch.cat(latents) if latents else None, torch.cat(means) if means else None


def bias_of_group(
    pair_bias: Tensor | None, pairs: Pairs, group: Group, is_real: Tensor, dtype: torch.dtype, extra: Extra
) -> Tensor:
    """Return the attention bias (n, H or 1, p + R or 1, p + R) of the n jets of a group.

    The bias adds up padding, pairs and `extra.attention_bias`. R registers stand behind the p particles.
    """
    bias = padding_bias(is_real, dtype)
    if pair_bias is not None:
        bias = attention_bias(pair_bias, pairs, group, is_real)
    if extra.attention_bias is not None:
        given = extra.attention_bias[..., : group.length, : group.length]
        bias = bias + (given[group.jets] if len(given) > 1 else given).to(bias.dtype)
    if extra.registers is not None:
        bias = with_registers(bias, is_real, len(extra.registers), see_particles=extra.attention_bias is None)
    return bias


def mean_of_layers(layers: Sequence[Tensor]) -> Tensor:
    """Return the mean (N, P, D) of layers after a layer norm of each [data2vec 2202.03555].

    Without the norm, the last layer would outweigh the others.
    """
    normed = [F.layer_norm(layer.float(), layer.shape[-1:]) for layer in layers]
    return torch.stack(normed).mean(dim=0)
