"""Tokens and class token of jets from weaver's ParT."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.particle_transformer.bias import attention_bias, padding_bias, with_masked, with_registers
from hepjepa_weaver.particle_transformer.blocks import ready_kernels, transform
from hepjepa_weaver.particle_transformer.groups import Group, groups_of
from hepjepa_weaver.particle_transformer.pair_embedding import embed_pairs
from hepjepa_weaver.particle_transformer.pairs import Pairs
from hepjepa_weaver.particle_transformer.token_row import TokenRow
from hepjepa_weaver.weaver_api.networks import class_token

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
        added: (N, P or more, D), added to the embedded particles.
        masked: tokens of masked particles (N, T, D), behind those of the particles.
    """

    registers: Tensor | None = None
    attention_bias: Tensor | None = None
    added: Tensor | None = None
    masked: TokenRow | None = None


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
        Tokens (N, P, D), class token (N, D) and mean over layers (N, P, D); None for what is not wanted. Tokens of T
        masked particles stand behind the P.
    """
    extra = extra or Extra()
    tokens = mod.embed(jets.features)
    if extra.added is not None:
        tokens = tokens + extra.added[:, : tokens.size(1)].to(tokens.dtype)
    pair_bias = embed_pairs(mod.pair_embed.embed, pairs.features) if mod.pair_embed is not None else None
    return through_blocks(mod, tokens, pair_bias, jets, pairs, wanted, extra)


def through_blocks(
    mod: Any, tokens: Tensor, pair_bias: Tensor | None, jets: Jets, pairs: Pairs, wanted: Wanted, extra: Extra
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Apply particle blocks and class blocks to embedded particles (N, P, D), with the bias (L, H) of each pair."""
    whole, latents, means = [], [], []
    lengths = jets.num_real if extra.masked is None else jets.num_real + extra.masked.lengths
    for together in groups_of(lengths, tokens.size(2), tokens.device):
        group = replace(together, length=max(int(jets.num_real[together.jets].max()), 1))
        is_real = jets.is_real[group.jets, : group.length]
        x = tokens[group.jets, : group.length]
        masked = None if extra.masked is None else extra.masked.cut(group.jets)
        bias = bias_of_group(pair_bias, pairs, group, is_real, x.dtype, replace(extra, masked=masked))
        if masked is not None:
            x = torch.cat([x, masked.tokens.to(x.dtype)], dim=1)
        if extra.registers is not None:
            x = torch.cat([x, extra.registers.expand(len(x), -1, -1)], dim=1)
        layers = [x]
        for block in mod.blocks:
            layers.append(transform(block, layers[-1], bias))
        missing = (0, 0, 0, tokens.size(1) - group.length)
        whole.append(F.pad(layers[-1][:, : group.length], missing))
        if extra.masked is not None and masked is not None:
            num, most = masked.tokens.size(1), extra.masked.tokens.size(1)
            of_masked = F.pad(layers[-1][:, group.length : group.length + num], (0, 0, 0, most - num))
            whole[-1] = torch.cat([whole[-1], of_masked], dim=1)
        layers = [layer[:, : group.length] for layer in layers]
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
    """Return the attention bias (n, H or 1, p + t + R or 1, p + t + R) of the n jets of a group.

    The bias adds up padding, pairs and `extra.attention_bias`. Behind the p particles stand t masked ones of this
    group, whose bias is 0, and R registers.
    """
    bias = padding_bias(is_real, dtype)
    if pair_bias is not None:
        bias = attention_bias(pair_bias, pairs, group, is_real)
    if extra.attention_bias is not None:
        given = extra.attention_bias[..., : group.length, : group.length]
        bias = bias + (given[group.jets] if len(given) > 1 else given).to(bias.dtype)
    return beside_particles(bias, is_real, extra)


def beside_particles(bias: Tensor, is_real: Tensor, extra: Extra) -> Tensor:
    """Return the bias (n, H or 1, p + t + R or 1, p + t + R) of particles, masked particles and registers.

    Args:
        bias: (n, H or 1, p or 1, p), bias of the particles.
        is_real: (n, p).
        extra: masked particles and registers of these jets.
    """
    if extra.masked is not None:
        bias = with_masked(bias, is_real, extra.masked.is_real)
        is_real = torch.cat([is_real, extra.masked.is_real], dim=1)
    if extra.registers is not None:
        bias = with_registers(bias, is_real, len(extra.registers), see_particles=extra.attention_bias is None)
    return bias


def mean_of_layers(layers: Sequence[Tensor]) -> Tensor:
    """Return the mean (N, P, D) of layers after a layer norm of each [data2vec 2202.03555].

    Without the norm, the last layer would outweigh the others.
    """
    normed = [F.layer_norm(layer.float(), layer.shape[-1:]) for layer in layers]
    return torch.stack(normed).mean(dim=0)
