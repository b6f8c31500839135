"""Attention bias as a matrix over the particles of each jet, from the bias of every pair."""

import math
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.particle_transformer.groups import Group
from hepjepa_weaver.particle_transformer.pairs import Pairs


class SymmetricMatrix(torch.autograd.Function):
    """Symmetric matrices (N, H, P, P) of the values (L, H) of pairs, with minus infinity at padding.

    Each value stands at i, j and at j, i. The backward pass is written by hand: a pair of a particle with itself is
    written twice, but has one gradient.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, jet: Tensor, first: Tensor, second: Tensor, is_real: Tensor) -> Tensor:
        """Return the matrices (N, H, P, P).

        Args:
            ctx: context of autograd.
            values: (L, H).
            jet: (L,), jet of each pair.
            first: (L,), slot of the first particle.
            second: (L,), slot of the second particle.
            is_real: (N, P).
        """
        ctx.save_for_backward(jet, first, second)
        num_jets, length = is_real.shape
        matrix = values.new_zeros(num_jets, values.size(1), length, length)
        matrix.masked_fill_(~is_real[:, None, None, :], -math.inf)
        by_pair = matrix.permute(0, 2, 3, 1)
        by_pair[jet, first, second] = values
        by_pair[jet, second, first] = values
        return matrix

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Return the gradient of the values (L, H)."""
        jet, first, second = ctx.saved_tensors
        grad = grads[0].permute(0, 2, 3, 1)
        mirrored = grad[jet, second, first].masked_fill_((first == second).unsqueeze(1), 0)
        return mirrored.add_(grad[jet, first, second]), None, None, None, None


def attention_bias(values: Tensor, pairs: Pairs, group: Group, is_real: Tensor) -> Tensor:
    """Return the bias (n, H, p, p) of the n jets of a group, padded to p particles.

    Args:
        values: (L, H), bias of all pairs.
        pairs: all pairs of the batch.
        group: jets of the batch that are computed together.
        is_real: (n, p), mask of the jets of this group.
    """
    rows = slice(*pairs_of_group(pairs, group))
    bias: Tensor = SymmetricMatrix.apply(  # type: ignore[no-untyped-call]
        values[rows], pairs.jet[rows] - group.start, pairs.first[rows], pairs.second[rows], is_real
    )
    return bias


def pairs_of_group(pairs: Pairs, group: Group) -> tuple[int, int]:
    """Return the positions of the group's first pair and of the first pair after it, without asking the device."""
    before = int(pairs.per_jet[: group.start].sum())
    return before, before + int(pairs.per_jet[group.jets].sum())


def padding_bias(is_real: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a bias (N, 1, 1, P) that is minus infinity at padding, from the mask (N, P) of real particles."""
    bias = torch.zeros(is_real.shape, dtype=dtype, device=is_real.device)
    return bias.masked_fill_(~is_real, -math.inf)[:, None, None]


def with_masked(bias: Tensor, is_real: Tensor, is_masked: Tensor) -> Tensor:
    """Return the bias (N, H or 1, P + T, P + T) of P particles and of T masked ones behind them.

    The bias is 0 where a masked particle is the query or the key: nothing is known of it.

    Args:
        bias: (N, H or 1, P or 1, P), bias of the particles.
        is_real: (N, P).
        is_masked: (N, T), False for padding among the masked particles.
    """
    heads, length = bias.size(1), is_real.size(1)
    keys = padding_bias(is_masked, bias.dtype).expand(-1, heads, length, -1)
    queries = padding_bias(torch.cat([is_real, is_masked], dim=1), bias.dtype)
    among_particles = torch.cat([bias.expand(-1, -1, length, -1), keys], dim=3)
    return torch.cat([among_particles, queries.expand(-1, heads, is_masked.size(1), -1)], dim=2)


def with_registers(bias: Tensor, is_real: Tensor, num_registers: int, see_particles: bool = True) -> Tensor:
    """Return the bias (N, H or 1, P + R, P + R) of P particles and of R registers behind them.

    The bias is 0 where a register is the key, and where it is the query of a particle that it may see.

    Args:
        bias: (N, H or 1, P or 1, P), bias of the particles.
        is_real: (N, P).
        num_registers: number R of registers.
        see_particles: let registers attend to particles. With a mask of the attention they must not: particles would
            see through them what the mask forbids.
    """
    length = is_real.size(1)
    seen = is_real if see_particles else torch.zeros_like(is_real)
    rows = padding_bias(seen, bias.dtype).expand(-1, bias.size(1), num_registers, -1)
    among_all = torch.cat([bias.expand(-1, -1, length, -1), rows], dim=2)
    return torch.nn.functional.pad(among_all, (0, num_registers))


def causal_bias(length: int, device: torch.device | None = None) -> Tensor:
    """Return a bias (1, 1, P, P) that lets each of P particles attend only to itself and to those before it."""
    slots = torch.arange(length, device=device)  # compared, not triu: ONNX traces it for any length
    is_later = slots.unsqueeze(0) > slots.unsqueeze(1)
    return torch.zeros_like(is_later, dtype=torch.float32).masked_fill(is_later, -math.inf)[None, None]
