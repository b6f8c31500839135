import math

import torch

from hepjepa_weaver.part.bias import SymmetricMatrix, attention_bias
from hepjepa_weaver.part.groups import Group
from hepjepa_weaver.part.pairs import real_pairs
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


def test_gradient_counts_both_places_of_a_pair_and_the_diagonal_once():
    pairs = real_pairs(JETS)
    values = torch.randn(len(pairs.jet), 2, dtype=torch.double, requires_grad=True)

    def finite_part(x: torch.Tensor) -> torch.Tensor:
        matrix = SymmetricMatrix.apply(x, pairs.jet, pairs.first, pairs.second, JETS.is_real)
        return matrix.masked_fill(matrix == -math.inf, 0)

    assert torch.autograd.gradcheck(finite_part, (values,))
