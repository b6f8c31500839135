import pytest
import torch

from hepjepa_weaver.config import MaskingConfig
from hepjepa_weaver.masking import Masking, num_hidden
from tests.helpers.toy_jets import random_jets

STRATEGIES = ("ball", "random")
MULTIPLICITIES = [1, 2, 3, 4, 10, 57, 128]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("ratio", [0.01, 0.4, 0.99])
def test_context_and_targets_share_out_the_real_particles(strategy, ratio):
    jets = random_jets(MULTIPLICITIES)
    masks = Masking(MaskingConfig(mask_strategy=strategy, mask_ratio=ratio))(jets)
    assert not (masks.is_context & masks.is_target).any()
    assert torch.equal(masks.is_context | masks.is_target, jets.is_real)
    assert masks.is_context.any(dim=1).all()
    assert torch.equal(masks.is_target.sum(dim=1), num_hidden(jets.is_real.sum(dim=1), ratio))


def test_number_of_hidden_particles():
    assert num_hidden(torch.tensor([0, 1, 2, 3, 5, 10, 100]), 0.4).tolist() == [0, 0, 1, 1, 2, 4, 40]
    assert num_hidden(torch.tensor([2, 3, 4]), 0.99).tolist() == [1, 2, 3]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_masks_are_new_for_every_jet_and_call(strategy):
    jets = random_jets([40] * 8)
    masking = Masking(MaskingConfig(mask_strategy=strategy))
    first, second = masking(jets).is_target, masking(jets).is_target
    assert not torch.equal(first, second)
    assert len({tuple(row.tolist()) for row in first}) > 1


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("multiplicity", [2, 3, 7])
def test_every_particle_is_hidden_sometimes(strategy, multiplicity):
    torch.manual_seed(0)
    jets = random_jets([multiplicity] * 400)
    share = Masking(MaskingConfig(mask_strategy=strategy))(jets).is_target.float().mean(dim=0)
    assert (share > 0.1).all()
    assert (share < 0.9).all()


def test_random_masking_favours_nobody():
    torch.manual_seed(0)
    share = Masking(MaskingConfig(mask_strategy="random"))(random_jets([10] * 4000)).is_target.float().mean(dim=0)
    assert torch.allclose(share, torch.full((10,), 0.4), atol=0.04)  # five standard deviations


def test_a_single_ball_is_the_neighbourhood_of_one_particle():
    jets = random_jets([30] * 20)
    is_target = Masking(MaskingConfig(num_targets=1))(jets).is_target
    distance = (jets.points.unsqueeze(3) - jets.points.unsqueeze(2)).square().sum(dim=1)
    nearest = distance.argsort(dim=2)[:, :, :12]
    for hidden, neighbours in zip(is_target, nearest, strict=True):
        balls = [set(row.tolist()) for row in neighbours]
        assert set(hidden.nonzero().flatten().tolist()) in balls


def test_a_ball_reaches_across_the_end_of_phi():
    jets = random_jets([4])
    jets.points[:] = torch.tensor([[0.0, 0.0, 0.0, 0.0], [3.1, -3.1, 0.0, 0.1]])
    pairs = set()
    for seed in range(40):
        torch.manual_seed(seed)
        masks = Masking(MaskingConfig(num_targets=1, mask_ratio=0.5))(jets)
        pairs.add(tuple(masks.is_target[0].nonzero().flatten().tolist()))
    assert pairs == {(0, 1), (2, 3)}


def test_hidden_particles_do_not_depend_on_padding():
    jets = random_jets([6, 3])
    longer = random_jets([6, 3, 20])
    for target, source in ((longer.points, jets.points), (longer.is_real, jets.is_real)):
        target[:2, ..., : source.shape[-1]] = source
    masks = Masking(MaskingConfig())(longer)
    assert masks.is_target[:2].sum(dim=1).tolist() == [2, 1]
    assert not masks.is_target[:2, 6:].any()


def test_a_particle_at_infinity_does_not_change_how_many_are_hidden():
    jets = random_jets(MULTIPLICITIES)
    jets.points[:, 0, 0] = 3e38  # what weaver makes of an infinite value
    jets.points[4:, 1, 1] = torch.inf
    for ratio in (0.4, 0.99):
        masks = Masking(MaskingConfig(mask_ratio=ratio))(jets)
        assert torch.equal(masks.is_target.sum(dim=1), masks.num_target)
        assert torch.equal(masks.is_context.sum(dim=1), masks.num_context)
