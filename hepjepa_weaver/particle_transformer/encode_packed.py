"""Tokens and class token of jets as in `encode`, without padding: what acts on single particles sees a list of them.

It is for GPUs, which compute all jets at once. With `-o layout compiled` all but the class token is compiled in pieces.
Each is compiled once for all numbers of jets, particles and pairs, and a block once for all blocks. That takes less
time than one piece for all blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.particle_transformer.bias import SymmetricMatrix, padding_bias
from hepjepa_weaver.particle_transformer.blocks import ready_kernels, transform_packed
from hepjepa_weaver.particle_transformer.encode import Extra, Wanted, beside_particles, encode, mean_of_layers
from hepjepa_weaver.particle_transformer.packing import Packing, packing_of
from hepjepa_weaver.particle_transformer.pair_embedding import embed_in_layers
from hepjepa_weaver.particle_transformer.pairs import Pairs
from hepjepa_weaver.runtime.compiled import Layout, in_layout
from hepjepa_weaver.weaver_api.networks import class_token


@dataclass(frozen=True)
class Lists:
    """Where the tokens of the lists stand among the slots of their jets.

    Attributes:
        particles: of the list of particles, among the slots of particles alone.
        masked: of the list of masked particles, among theirs; None without any.
        all: of all tokens: particles, masked particles and registers.
    """

    particles: Packing
    masked: Packing | None
    all: Packing


def encode_in(
    layout: Layout, mod: Any, jets: Jets, pairs: Pairs, wanted: Wanted, extra: Extra
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Compute what `encode` does, in a layout."""
    if layout == "padded":
        return encode(mod, jets, pairs, wanted, extra)
    return encode_packed(mod, jets, pairs, wanted, extra, layout)


def encode_packed(
    mod: Any, jets: Jets, pairs: Pairs, wanted: Wanted, extra: Extra, layout: Layout
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Compute what `encode` does, with its arguments; tokens of padding are 0."""
    places = (pairs.jet, pairs.first, pairs.second)
    lists = lists_of(jets, extra)
    layers = [in_layout(_tokens, layout)(mod, jets.features, lists, extra)]
    bias = in_layout(_bias, layout)(mod, jets.is_real, pairs.features, places, extra, layers[0].dtype)
    transformed = in_layout(transform_packed, layout)
    for block in mod.blocks:
        layers.append(transformed(block, layers[-1], bias, lists.all))
    mean = None
    if wanted.layer_mean is not None:
        used = layers if wanted.layer_mean == "blocks_and_input" else layers[1:]
        mean = in_layout(_mean, layout)(used, lists.particles)
    num_masked = 0 if extra.masked is None else extra.masked.is_real.size(1)
    tokens = lists.all.unpack(layers[-1])[:, : jets.is_real.size(1) + num_masked]
    latent = None
    if wanted.latent:  # not compiled: Inductor of PyTorch 2.13 takes the length of the first batch for that of all
        with ready_kernels():
            latent = class_token(mod, tokens[:, : jets.is_real.size(1)], ~jets.is_real)
    return tokens, latent, mean


def lists_of(jets: Jets, extra: Extra) -> Lists:
    """Return where the tokens of jets stand, from numbers that are known on the host."""
    device, lengths, widths = jets.is_real.device, [jets.num_real], [jets.is_real.size(1)]
    particles, masked = packing_of(lengths, widths, device), None
    if extra.masked is not None:
        row = extra.masked
        masked = packing_of([row.lengths], [row.is_real.size(1)], device)
        lengths, widths = [*lengths, row.lengths], [*widths, row.is_real.size(1)]
    if extra.registers is not None:
        number = len(extra.registers)
        lengths, widths = [*lengths, torch.full_like(jets.num_real, number)], [*widths, number]
    return Lists(particles, masked, packing_of(lengths, widths, device))


def _tokens(mod: Any, features: Tensor, lists: Lists, extra: Extra) -> Tensor:
    """Return the list of all tokens (R, D) in front of the first block.

    BatchNorm sees the padded slots, which repeat particles, as in every layout.
    """
    particles: Tensor = mod.embed.embed(lists.particles.pack(mod.embed.input_bn(features).transpose(1, 2)))
    if extra.added is not None:
        particles = particles + lists.particles.pack(extra.added[:, : features.size(2)]).to(particles.dtype)
    rows = [particles]
    if extra.masked is not None and lists.masked is not None:
        rows.append(lists.masked.pack(extra.masked.tokens).to(particles.dtype))
    if extra.registers is not None:
        rows.append(extra.registers.to(particles.dtype).repeat(len(features), 1))
    return torch.cat(rows)


def _mean(layers: Sequence[Tensor], particles: Packing) -> Tensor:
    """Return the mean over layers (N, P, D) of the particles, which stand first in the lists (R, D) of layers."""
    number = len(particles.slots)
    return particles.unpack(mean_of_layers([layer[:number] for layer in layers]))


def _bias(
    mod: Any, is_real: Tensor, pair_features: Tensor, places: Sequence[Tensor], extra: Extra, dtype: torch.dtype
) -> Tensor:
    """Return the bias of the attention of all jets, as `encode.bias_of_group` does for some."""
    bias = padding_bias(is_real, dtype)
    if mod.pair_embed is not None:
        values = embed_in_layers(mod.pair_embed.embed, pair_features)
        bias = SymmetricMatrix.apply(values, *places, is_real)  # type: ignore[no-untyped-call]
    if extra.attention_bias is not None:
        bias = bias + extra.attention_bias.to(bias.dtype)
    return beside_particles(bias, is_real, extra)
