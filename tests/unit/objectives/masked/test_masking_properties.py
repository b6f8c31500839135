"""What holds of the masks of any jets, whatever the strategy and the ratios."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hepjepa_weaver.config import MaskingConfig
from hepjepa_weaver.objectives.masked.masking import Masking, mask_sizes, neighbour_walk, pieces_with_gaps
from tests.helpers.symmetry import padded
from tests.helpers.toy_jets import random_jets

STRATEGIES = ("contiguous", "ball", "random")
MULTIPLICITIES = st.lists(st.integers(0, 40), min_size=1, max_size=6)
SEEDS = st.integers(0, 2**31)
RATIOS = st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)).map(lambda pair: tuple(sorted(pair)))
CONFIGS = st.builds(
    MaskingConfig,
    mask_strategy=st.sampled_from(STRATEGIES),
    target_ratio=RATIOS,
    context_ratio=st.one_of(st.just((1.0, 1.0)), RATIOS),
    num_targets=st.integers(1, 5),
)


@given(MULTIPLICITIES, CONFIGS, SEEDS)
def test_masks_are_disjoint_real_and_as_many_as_the_host_believes(multiplicities, config, seed):
    jets = random_jets(multiplicities, seed=seed)
    torch.manual_seed(seed)
    masks = Masking(config)(jets)
    assert not (masks.is_context & masks.is_target).any()
    assert not ((masks.is_context | masks.is_target) & ~jets.is_real).any()
    assert torch.equal(masks.is_target.sum(dim=1), masks.num_target)
    assert torch.equal(masks.is_context.sum(dim=1), masks.num_context)


@given(MULTIPLICITIES, CONFIGS, SEEDS)
def test_something_is_hidden_and_something_left_of_two_particles_or_more(multiplicities, config, seed):
    jets = random_jets(multiplicities, seed=seed)
    torch.manual_seed(seed)
    masks = Masking(config)(jets)
    assert torch.equal(masks.num_target > 0, jets.num_real > 1)
    assert torch.equal(masks.num_context > 0, jets.num_real > 0)
    if config.context_ratio == (1.0, 1.0):
        assert torch.equal(masks.is_context | masks.is_target, jets.is_real)


@given(st.lists(st.integers(2, 30), min_size=1, max_size=4), st.sampled_from(STRATEGIES), st.booleans(), SEEDS)
def test_padding_is_never_chosen(multiplicities, strategy, wrap, seed):
    jets = random_jets(multiplicities, seed=seed)
    masks = Masking(MaskingConfig(mask_strategy=strategy))(padded(jets, 5, wrap))
    length = jets.is_real.size(1)
    assert not masks.is_target[:, length:].any()
    assert not masks.is_context[:, length:].any()


@given(MULTIPLICITIES, CONFIGS, SEEDS)
def test_sizes_follow_their_ratios(multiplicities, config, seed):
    torch.manual_seed(seed)
    num_real = torch.tensor(multiplicities)
    sizes = mask_sizes(num_real, config)
    assert (sizes.targets >= 0).all()
    assert (sizes.targets <= (config.target_ratio[1] * num_real).round().clamp(min=1).unsqueeze(1)).all()
    left = num_real - sizes.targets.sum(dim=1)
    assert (sizes.context <= left).all()
    assert (sizes.context <= (config.context_ratio[1] * left).round().clamp(min=1)).all()


@given(MULTIPLICITIES, SEEDS)
def test_a_walk_visits_every_particle_once_and_leaves_padding_in_its_slot(multiplicities, seed):
    jets = random_jets(multiplicities, seed=seed)
    for visited_at, number in zip(neighbour_walk(jets).tolist(), multiplicities, strict=True):
        assert sorted(visited_at[:number]) == list(range(number))
        assert visited_at[number:] == list(range(number, len(visited_at)))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(0, 10), SEEDS)
def test_pieces_have_their_sizes_and_lie_within_the_walk(sizes, spare, seed):
    torch.manual_seed(seed)
    number = sum(sizes) + spare
    (inside,) = pieces_with_gaps(torch.tensor([number]), torch.tensor([sizes]), number + 3)
    assert inside.sum() == sum(sizes)
    assert not inside[number:].any()


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(st.integers(2, 20), SEEDS)
def test_the_seed_decides(strategy, multiplicity, seed):
    jets = random_jets([multiplicity] * 3)
    masks = []
    for _ in range(2):
        torch.manual_seed(seed)
        masks.append(Masking(MaskingConfig(mask_strategy=strategy))(jets))
    assert torch.equal(masks[0].is_target, masks[1].is_target)
    assert torch.equal(masks[0].is_context, masks[1].is_context)
