import pytest
import torch

from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from tests.helpers.symmetry import permuted
from tests.helpers.toy_jets import random_jets, weaver_inputs


def test_trimmed_to_the_longest_jet():
    jets = random_jets([3, 5, 1])
    padded = [torch.nn.functional.pad(group, (0, 7)) for group in weaver_inputs(jets)]
    read = JetReader(REQUIRED_GROUPS)(*padded)
    assert read.is_real.shape == (3, 5)
    assert torch.equal(read.features, jets.features)
    assert torch.equal(read.is_real, jets.is_real)


def test_not_trimmed_where_shapes_must_stay():
    padded = [torch.nn.functional.pad(group, (0, 7)) for group in weaver_inputs(random_jets([3, 5]))]
    assert JetReader(REQUIRED_GROUPS, trim=False)(*padded).is_real.shape == (2, 12)


def test_groups_are_found_by_name_not_by_position():
    jets = random_jets([4, 2])
    group = dict(zip(REQUIRED_GROUPS, weaver_inputs(jets), strict=True))
    order = ("pf_mask", "pf_vectors", "pf_points", "pf_features")
    read = JetReader(order)(*(group[name] for name in order))
    assert torch.equal(read.vectors, jets.vectors)
    assert torch.equal(read.points, jets.points)


def test_padding_between_particles_is_moved_behind_them():
    jets = random_jets([3, 5, 1])
    read = JetReader(REQUIRED_GROUPS)(*weaver_inputs(permuted(jets, padding_too=True)[0]))
    assert torch.equal(read.is_real, jets.is_real)
    assert read.num_real.tolist() == [3, 5, 1]
    assert torch.allclose((read.vectors * read.is_real.unsqueeze(1)).sum(2), jets.vectors.sum(2))


def test_an_empty_jet_keeps_one_slot_and_others_stay_as_they_are():
    read = JetReader(REQUIRED_GROUPS)(*weaver_inputs(random_jets([4, 0, 2])))
    assert read.is_real.sum(dim=1).tolist() == [4, 1, 2]


def test_a_batch_of_empty_jets_is_read():
    assert JetReader(REQUIRED_GROUPS)(*weaver_inputs(random_jets([0, 0]))).is_real.tolist() == [[True], [True]]


@pytest.mark.parametrize("names", [(), ("pf_points", "pf_features", "pf_vectors"), (*REQUIRED_GROUPS, "sv_mask")])
def test_other_groups_are_named(names):
    with pytest.raises(UserError, match="pf_points, pf_features, pf_vectors, pf_mask"):
        JetReader(names)


def test_gathering_keeps_order_and_repeats_only_kept_particles():
    jets = random_jets([5, 4, 1])
    keep = torch.tensor([[0, 1, 0, 1, 1], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0]], dtype=torch.bool)
    kept = jets.gather(keep, torch.tensor([3, 1, 1]))
    assert kept.is_real.tolist() == [[True] * 3, [True, False, False], [True, False, False]]
    assert torch.equal(kept.features[0], jets.features[0][:, [1, 3, 4]])
    assert torch.equal(kept.vectors[1], jets.vectors[1][:, [2, 2, 2]])
    assert torch.equal(kept.points[2], jets.points[2][:, [0, 0, 0]])


def test_gathering_nothing_leaves_one_slot_of_padding():
    kept = random_jets([1, 1]).gather(torch.zeros(2, 1, dtype=torch.bool), torch.zeros(2, dtype=torch.long))
    assert kept.is_real.tolist() == [[False], [False]]
