"""What holds of gathering, sorting and reading any jets."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from hepjepa_weaver.batch.jets import in_old_order, lowest, sorted_by_length
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from tests.helpers.symmetry import padded, permuted
from tests.helpers.toy_jets import random_jets, weaver_inputs

SEEDS = st.integers(0, 2**31)
MULTIPLICITIES = st.lists(st.integers(1, 30), min_size=1, max_size=6)
GROUPS = ("points", "features", "vectors")


def some_particles(jets, seed):
    """Marks (N, P) for gathering: any share of the real particles, none of a jet included."""
    generator = torch.Generator().manual_seed(seed)
    return jets.is_real & (torch.rand(jets.is_real.shape, generator=generator) < torch.rand(1, generator=generator))


@given(MULTIPLICITIES, SEEDS)
def test_gathering_keeps_what_is_marked_in_its_order(multiplicities, seed):
    jets = random_jets(multiplicities, seed=seed)
    keep = some_particles(jets, seed)
    kept = jets.gather(keep, keep.sum(dim=1))
    assert torch.equal(kept.num_real, keep.sum(dim=1))
    assert torch.equal(kept.is_real.sum(dim=1), kept.num_real)
    assert kept.is_real.size(1) == max(int(kept.num_real.max()), 1)
    for name in GROUPS:
        before, after = getattr(jets, name).transpose(1, 2), getattr(kept, name).transpose(1, 2)
        assert torch.equal(after[kept.is_real], before[keep])


@given(MULTIPLICITIES, SEEDS)
def test_nothing_of_the_others_is_left_after_gathering(multiplicities, seed):
    """In no slot, padding included, of a jet of which anything is kept."""
    jets = random_jets(multiplicities, seed=seed)
    keep = some_particles(jets, seed)
    jets.features.transpose(1, 2)[~keep] = torch.nan
    kept = jets.gather(keep, keep.sum(dim=1))
    assert not kept.features[kept.num_real > 0].isnan().any()


@given(MULTIPLICITIES, SEEDS)
def test_sorting_by_length_and_back_changes_nothing(multiplicities, seed):
    jets = random_jets(multiplicities, seed=seed)
    order = jets.by_length()
    sorted_jets = jets.reordered(order)
    assert sorted_jets.num_real.tolist() == sorted(multiplicities, reverse=True)
    assert torch.equal(in_old_order(sorted_jets.features.flatten(1), order), jets.features.flatten(1))
    assert torch.equal(sorted_by_length(lambda some: some.vectors.flatten(1), jets), jets.vectors.flatten(1))


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), SEEDS)
def test_the_lowest_are_as_many_as_asked_for_and_below_the_others(numbers, seed):
    generator = torch.Generator().manual_seed(seed)
    score = torch.rand(len(numbers), 15, generator=generator)
    among = torch.zeros(len(numbers), 15, dtype=torch.bool)
    among[:, torch.randperm(15, generator=generator)[:12]] = True
    chosen = lowest(score, among, torch.tensor(numbers))
    assert chosen.sum(dim=1).tolist() == numbers
    assert not (chosen & ~among).any()
    highest_chosen = score.masked_fill(~chosen, -1).amax(dim=1)
    lowest_other = score.masked_fill(chosen | ~among, 2).amin(dim=1)
    assert (highest_chosen < lowest_other).all()


@given(MULTIPLICITIES, st.integers(0, 9), st.booleans(), SEEDS)
def test_a_reader_finds_the_particles_whatever_the_padding(multiplicities, extra, wrap, seed):
    jets = random_jets(multiplicities, seed=seed)
    read = JetReader(REQUIRED_GROUPS)(*weaver_inputs(padded(jets, extra, wrap)))
    assert torch.equal(read.num_real, jets.num_real)
    assert torch.equal(read.is_real, jets.is_real)
    for name in GROUPS:
        found, wanted = (getattr(some, name).transpose(1, 2)[jets.is_real] for some in (read, jets))
        assert torch.equal(found, wanted), name


@given(MULTIPLICITIES, st.integers(0, 5), SEEDS)
def test_a_reader_keeps_the_particles_where_padding_lies_between_them(multiplicities, extra, seed):
    jets = padded(random_jets(multiplicities, seed=seed), extra, wrap=False)
    moved, order = permuted(jets, seed, padding_too=True)
    read = JetReader(REQUIRED_GROUPS)(*weaver_inputs(moved))
    assert torch.equal(read.num_real, jets.num_real)
    assert torch.equal(read.is_real.sum(dim=1), jets.num_real)
    wanted = jets.vectors.gather(2, order.unsqueeze(1).expand(-1, 4, -1)).transpose(1, 2)[moved.is_real]
    assert torch.equal(read.vectors.transpose(1, 2)[read.is_real], wanted)
