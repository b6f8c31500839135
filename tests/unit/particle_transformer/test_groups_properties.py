"""What holds of the groups of any jets."""

from unittest.mock import patch

import torch
from hypothesis import given
from hypothesis import strategies as st

from hepjepa_weaver.particle_transformer import groups as groups_module
from hepjepa_weaver.particle_transformer.groups import groups_of

LENGTHS = st.lists(st.integers(0, 128), min_size=1, max_size=40)
WIDTHS = st.sampled_from([1, 16, 128])
FLOATS = st.sampled_from([1, 2**12, 2**16, 2**21])


def on_cpu(lengths, width, floats):
    with patch.object(groups_module, "CPU_GROUP_FLOATS", floats):
        return groups_of(torch.tensor(lengths), width, torch.device("cpu"))


@given(LENGTHS, WIDTHS, FLOATS)
def test_every_jet_is_in_one_group_in_its_order(lengths, width, floats):
    groups = on_cpu(lengths, width, floats)
    assert [jet for group in groups for jet in range(group.start, group.stop)] == list(range(len(lengths)))


@given(LENGTHS, WIDTHS, FLOATS)
def test_a_group_is_as_long_as_its_longest_jet_and_has_at_least_a_slot(lengths, width, floats):
    for group in on_cpu(lengths, width, floats):
        assert group.length == max(1, *lengths[group.jets])


@given(LENGTHS, WIDTHS, FLOATS)
def test_a_group_of_several_jets_fits_the_limit(lengths, width, floats):
    for group in on_cpu(lengths, width, floats):
        size = group.stop - group.start
        assert size == 1 or 4 * width * group.length * size <= floats


@given(LENGTHS, WIDTHS)
def test_a_gpu_takes_all_at_once(lengths, width):
    (group,) = groups_of(torch.tensor(lengths), width, torch.device("cuda"))
    assert (group.start, group.stop, group.length) == (0, len(lengths), max(1, *lengths))
