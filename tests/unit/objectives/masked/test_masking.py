import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import MaskingConfig
from hepjepa_weaver.objectives.masked.masking import Masking, mask_sizes, neighbour_walk, pieces_with_gaps
from tests.helpers.symmetry import padded
from tests.helpers.toy_jets import random_jets

STRATEGIES = ("contiguous", "ball", "random")
MULTIPLICITIES = [1, 2, 3, 4, 10, 57, 128]
SETTINGS = [
    {"target_ratio": (0.01, 0.01)},
    {"target_ratio": (0.4, 0.4)},
    {"target_ratio": (0.9, 0.99), "num_targets": 3},
    {"target_ratio": (0.15, 0.2), "num_targets": 4, "context_ratio": (0.4, 0.75)},
]


def masking(strategy: str, **options) -> Masking:
    return Masking(MaskingConfig(mask_strategy=strategy, **options))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("options", SETTINGS)
def test_context_and_targets_are_disjoint_real_particles_as_many_as_the_host_believes(strategy, options):
    jets = random_jets(MULTIPLICITIES)
    masks = masking(strategy, **options)(jets)
    assert not (masks.is_context & masks.is_target).any()
    assert not ((masks.is_context | masks.is_target) & ~jets.is_real).any()
    assert torch.equal(masks.is_target.sum(dim=1), masks.num_target)
    assert torch.equal(masks.is_context.sum(dim=1), masks.num_context)
    assert (masks.num_context >= 1).all()
    assert torch.equal(masks.num_target >= 1, jets.num_real > 1)
    if "context_ratio" not in options:
        assert torch.equal(masks.is_context | masks.is_target, jets.is_real)


def test_sizes_follow_the_ratios():
    config = MaskingConfig(target_ratio=(0.1, 0.2), num_targets=3, context_ratio=(0.5, 0.8))
    torch.manual_seed(0)
    sizes = mask_sizes(torch.full((1000,), 100), config)
    assert sizes.targets.min() == 10
    assert sizes.targets.max() == 20
    share = sizes.context / (100 - sizes.targets.sum(dim=1))
    assert 0.49 < share.min() < 0.52
    assert 0.78 < share.max() < 0.81
    assert (sizes.targets[:, 0] != sizes.targets[:, 1]).any()  # drawn for each target


def test_at_least_one_particle_is_hidden_and_one_left():
    sizes = mask_sizes(torch.tensor([0, 1, 2, 3, 5, 10, 100]), MaskingConfig())
    assert sizes.targets.flatten().tolist() == [0, 0, 1, 1, 2, 4, 40]
    assert sizes.context.tolist() == [0, 1, 1, 2, 3, 6, 60]
    almost_all = mask_sizes(torch.tensor([2, 3, 4]), MaskingConfig(target_ratio=(0.99, 0.99), num_targets=2))
    assert almost_all.targets.tolist() == [[1, 0], [2, 0], [3, 0]]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_masks_are_new_for_every_jet_and_call(strategy):
    jets = random_jets([40] * 8)
    masks = masking(strategy)
    first, second = masks(jets).is_target, masks(jets).is_target
    assert not torch.equal(first, second)
    assert len({tuple(row.tolist()) for row in first}) > 1


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("multiplicity", [2, 3, 7])
def test_every_particle_is_hidden_sometimes(strategy, multiplicity):
    torch.manual_seed(0)
    share = masking(strategy)(random_jets([multiplicity] * 400)).is_target.float().mean(dim=0)
    assert (share > 0.1).all()
    assert (share < 0.9).all()


def test_random_masking_favours_nobody():
    torch.manual_seed(0)
    share = masking("random")(random_jets([10] * 4000)).is_target.float().mean(dim=0)
    assert torch.allclose(share, torch.full((10,), 0.4), atol=0.04)  # five standard deviations


def test_a_ball_is_the_neighbourhood_of_one_particle():
    jets = random_jets([30] * 20)
    is_target = masking("ball", num_targets=1)(jets).is_target
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
        masks = masking("ball", target_ratio=(0.5, 0.5))(jets)
        pairs.add(tuple(masks.is_target[0].nonzero().flatten().tolist()))
    assert pairs == {(0, 1), (2, 3)}


def test_the_walk_goes_to_the_nearest_unvisited_particle():
    jets = random_jets([5, 3])
    jets.points[0] = torch.tensor([[0.0, 0.9, 0.1, 0.5, 0.2], [0.0] * 5])
    jets.points[1, :, :3] = torch.tensor([[0.3, 0.0, 0.2], [0.0, 0.0, 0.0]])
    assert neighbour_walk(jets).tolist() == [[0, 4, 1, 3, 2], [2, 0, 1, 3, 4]]


def test_contiguous_targets_and_context_are_pieces_of_the_walk():
    jets = random_jets([30] * 50)
    masks = masking("contiguous", target_ratio=(0.2, 0.3), context_ratio=(0.5, 0.9))(jets)
    order = neighbour_walk(jets).argsort(dim=1)
    target, context = (mask.gather(1, order) for mask in (masks.is_target, masks.is_context))
    for hidden, seen in zip(target, context, strict=True):
        steps = hidden.nonzero().flatten()
        assert steps[-1] - steps[0] == len(steps) - 1
        left = (~hidden).nonzero().flatten().tolist()
        places = [left.index(step) for step in seen.nonzero().flatten().tolist()]
        assert places[-1] - places[0] == len(places) - 1


def test_pieces_do_not_overlap_and_reach_both_ends():
    torch.manual_seed(0)
    sizes = torch.tensor([[2, 3], [1, 0]]).repeat(500, 1)
    inside = pieces_with_gaps(torch.tensor([8, 2]).repeat(500), sizes, 10)
    assert inside[::2].sum(dim=1).unique().tolist() == [5]
    assert inside[1::2].sum(dim=1).unique().tolist() == [1]
    assert not inside[::2, 8:].any()
    assert inside[::2, [0, 7]].any(dim=0).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_padding_is_never_chosen(strategy):
    jets = padded(random_jets([6, 3]), 14, wrap=True)
    masks = masking(strategy)(jets)
    assert masks.is_target.sum(dim=1).tolist() == [2, 1]
    assert not masks.is_target[:, 6:].any()
    assert not masks.is_context[:, 6:].any()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_particle_at_infinity_does_not_change_how_many_are_hidden(strategy):
    jets = random_jets(MULTIPLICITIES)
    jets.points[:, 0, 0] = 3e38  # what weaver makes of an infinite value
    jets.points[4:, 1, 1] = torch.inf
    for ratio in (0.4, 0.99):
        masks = masking(strategy, target_ratio=(ratio, ratio))(jets)
        assert torch.equal(masks.is_target.sum(dim=1), masks.num_target)
        assert torch.equal(masks.is_context.sum(dim=1), masks.num_context)


@pytest.mark.parametrize(
    "options",
    [{"target_ratio": (0.3, 0.2)}, {"target_ratio": (0.0, 0.2)}, {"context_ratio": (0.5, 1.1)}, {"num_targets": 0}],
)
def test_impossible_shares_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        MaskingConfig(**options)
