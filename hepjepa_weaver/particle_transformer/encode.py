"""Tokens and class token of jets from weaver's ParT."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.particle_transformer.bias import attention_bias, padding_bias, with_masked, with_registers
from hepjepa_weaver.particle_transformer.blocks import ready_kernels, transform, transform_packed
from hepjepa_weaver.particle_transformer.groups import Group, groups_of
from hepjepa_weaver.particle_transformer.packing import Layout, in_layout, packing_of
from hepjepa_weaver.particle_transformer.pair_embedding import embed_pairs
from hepjepa_weaver.particle_transformer.pairs import Pairs
from hepjepa_weaver.particle_transformer.token_row import TokenRow, repeated
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
        added: (N, P or more, D), added to the embedded particles.
        masked: tokens of masked particles (N, T, D), behind those of the particles.
        layout: how the particles of a batch are computed (`packing`). The result is the same.
    """

    registers: Tensor | None = None
    attention_bias: Tensor | None = None
    added: Tensor | None = None
    masked: TokenRow | None = None
    layout: Layout = "padded"


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
    tokens = embed_particles(mod.embed, jets, extra.layout)
    if extra.added is not None:
        tokens = tokens + extra.added[:, : tokens.size(1)].to(tokens.dtype)
    pair_bias = None
    if mod.pair_embed is not None:
        pair_bias = embed_pairs(mod.pair_embed.embed, pairs.features, extra.layout)
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
        rows = [TokenRow(tokens[group.jets, : group.length], is_real, jets.num_real[group.jets])]
        masked = None if extra.masked is None else extra.masked.cut(group.jets)
        if masked is not None:
            rows.append(masked)
        if extra.registers is not None:
            rows.append(repeated(extra.registers, rows[0]))
        of_group = replace(extra, masked=masked)
        bias = bias_of_group(pair_bias, pairs, group, is_real, rows[0].tokens.dtype, of_group)
        last, mean = blocks_of_group(mod.blocks, rows, bias, wanted.layer_mean, extra.layout)
        missing = (0, 0, 0, tokens.size(1) - group.length)
        whole.append(F.pad(last[:, : group.length], missing))
        if extra.masked is not None and masked is not None:
            num, most = masked.tokens.size(1), extra.masked.tokens.size(1)
            of_masked = F.pad(last[:, group.length : group.length + num], (0, 0, 0, most - num))
            whole[-1] = torch.cat([whole[-1], of_masked], dim=1)
        if wanted.latent:
            with ready_kernels():
                latents.append(class_token(mod, last[:, : group.length], ~is_real))
        if mean is not None:
            means.append(F.pad(mean[:, : group.length], missing))
    return torch.cat(whole), torch.cat(latents) if latents else None, torch.cat(means) if means else None


def embed_particles(embed: Any, jets: Jets, layout: Layout) -> Tensor:
    """Return the embedded particles (N, P, D) of weaver's `Embed`; those of padding mean nothing.

    BatchNorm sees the padded slots, which repeat particles, in every layout.
    """
    if layout == "padded":
        return embed(jets.features)  # type: ignore[no-any-return]
    packing = packing_of([jets.num_real], [jets.is_real.size(1)], jets.features.device)
    normed = embed.input_bn(jets.features).transpose(1, 2)
    return packing.unpack(in_layout(apply, layout)(embed.embed, packing.pack(normed)))


def apply(module: Any, x: Tensor) -> Tensor:
    """Return `module(x)`; compiled, this function is compiled once for modules of the same kind."""
    y: Tensor = module(x)
    return y


def blocks_of_group(
    blocks: Sequence[Any], rows: Sequence[TokenRow], bias: Tensor, layer_mean: LayerMean | None, layout: Layout
) -> tuple[Tensor, Tensor | None]:
    """Apply blocks to the rows of n jets; return the last layer (n, p, D), and the mean over layers if it is wanted.

    Args:
        blocks: weaver's `Block`s.
        rows: the p tokens of each jet, one row after the other; the first one has the particles.
        bias: (n, H or 1, p or 1, p), bias of the attention.
        layer_mean: mean over layers to return as well, of the first row at least.
        layout: how the tokens are computed.
    """
    x, packing = torch.cat([row.tokens.to(rows[0].tokens.dtype) for row in rows], dim=1), None
    if layout != "padded":
        packing = packing_of([row.lengths for row in rows], [row.tokens.size(1) for row in rows], x.device)
        x = packing.pack(x)
    layers = [x]
    for block in blocks:
        if packing is None:
            layers.append(transform(block, layers[-1], bias))
        else:
            layers.append(transform_packed(block, layers[-1], bias, packing, layout))
    used: Sequence[Tensor] = [] if layer_mean is None else layers if layer_mean == "blocks_and_input" else layers[1:]
    if packing is None:
        used = [layer[:, : rows[0].tokens.size(1)] for layer in used]
    mean = mean_of_layers(used) if used else None
    if packing is None:
        return layers[-1], mean
    return packing.unpack(layers[-1]), None if mean is None else packing.unpack(mean)


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
