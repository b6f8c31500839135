import math

import torch

from hepjepa_weaver.particle_transformer.bias import SymmetricMatrix, attention_bias, padding_bias, with_registers
from hepjepa_weaver.particle_transformer.groups import Group
from hepjepa_weaver.particle_transformer.pairs import real_pairs
from tests.helpers.toy_jets import random_jets

JETS = random_jets([4, 1, 3])


def test_bias_is_symmetric_and_minus_infinity_at_padding():
    pairs = real_pairs(JETS)
    values = torch.randn(len(pairs.jet), 2)
    bias = attention_bias(values, pairs, Group(0, 3, 4), JETS.is_real)
    assert torch.equal(bias[0], bias[0].transpose(1, 2))
    assert torch.equal(bias[pairs.jet, :, pairs.first, pairs.second], values)
    assert (bias[~JETS.is_real[:, None, None, :].expand_as(bias)] == -math.inf).all()
    assert torch.isfinite(bias[2, :, :3, :3]).all()


def test_a_group_has_the_bias_of_its_own_jets():
    pairs = real_pairs(JETS)
    values = torch.randn(len(pairs.jet), 2)
    whole = attention_bias(values, pairs, Group(0, 3, 4), JETS.is_real)
    part = attention_bias(values, pairs, Group(1, 3, 3), JETS.is_real[1:, :3])
    assert torch.equal(part, whole[1:, :, :3, :3])


def test_registers_see_all_particles_and_are_seen_by_all_without_bias():
    is_real = JETS.is_real
    pairs = real_pairs(JETS)
    bias = attention_bias(torch.randn(len(pairs.jet), 2), pairs, Group(0, 3, 4), is_real)
    for among_particles in (bias, padding_bias(is_real, torch.float32)):
        found = with_registers(among_particles, is_real, 2)
        heads = among_particles.size(1)
        assert found.shape == (3, heads, 6, 6)
        assert torch.equal(found[:, :, :4, :4], among_particles.expand(-1, -1, 4, -1))
        assert (found[:, :, :, 4:] == 0).all()
        keys = is_real[:, None, None].expand(-1, heads, 2, -1)
        assert (found[:, :, 4:, :4][keys] == 0).all()
        assert (found[:, :, 4:, :4][~keys] == -math.inf).all()


def test_gradient_counts_both_places_of_a_pair_and_the_diagonal_once():
    pairs = real_pairs(JETS)
    values = torch.randn(len(pairs.jet), 2, dtype=torch.double, requires_grad=True)

    def finite_part(x: torch.Tensor) -> torch.Tensor:
        matrix = SymmetricMatrix.apply(x, pairs.jet, pairs.first, pairs.second, JETS.is_real)
        return matrix.masked_fill(matrix == -math.inf, 0)

    assert torch.autograd.gradcheck(finite_part, (values,))
