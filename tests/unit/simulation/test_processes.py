"""The ten classes and the veto on the hard process."""

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.simulation.generator import may_give_jet
from hepjepa_weaver.simulation.processes import JETCLASS_PROCESSES, LABELS, find_process
from tests.helpers.hard_process import hard_process


def test_every_label_has_one_class():
    assert sorted(process.label for process in JETCLASS_PROCESSES) == sorted(LABELS)
    assert len({process.stem for process in JETCLASS_PROCESSES}) == 10


@pytest.mark.parametrize("name", ["HToBB", "Hbb", "label_Hbb"])
def test_a_class_is_found_by_stem_and_label(name):
    assert find_process(name).stem == "HToBB"


def test_an_unknown_class_names_the_known_ones():
    with pytest.raises(UserError, match=r"HToXX.*ZJetsToNuNu.*TTBarLep"):
        find_process("HToXX")


BACK_TO_BACK = [(12, 5, 300.0, 0.0, 3.0), (-12, 5, 300.0, 0.0, 3.2)]


@pytest.mark.parametrize(
    ("products", "passes"),
    [
        ([(5, 5, 300.0, 0.0, 0.0), (-5, 5, 300.0, 0.3, 0.2)], True),
        ([(5, 5, 300.0, 3.0, 0.0), (-5, 5, 300.0, 3.2, 0.2)], False),  # too far forward
        ([(5, 5, 100.0, 0.0, 0.0), (-5, 5, 100.0, 0.3, 0.2)], False),  # too soft
        ([(5, 5, 600.0, 0.0, 0.0), (-5, 5, 200.0, 2.0, 0.0)], False),  # too wide
        ([(5, 5, 600.0, 0.0, 0.0)], False),  # not all there
    ],
)
def test_veto_on_the_hard_process(products, passes):
    assert may_give_jet(hard_process(products + BACK_TO_BACK), find_process("Hbb")) is passes


def test_veto_asks_for_quarks_and_lepton():
    quarks = [(1, 5, 300.0, 0.0, 0.0), (-2, 5, 300.0, 0.1, 0.2)]
    assert may_give_jet(hard_process([*quarks, (13, 5, 50.0, 0.1, 0.0)]), find_process("Hqql"))
    assert not may_give_jet(hard_process([*quarks, (3, 5, 50.0, 0.1, 0.0)]), find_process("Hqql"))


def test_either_top_will_do():
    good = [(5, 6, 300.0, 0.0, 0.0), (1, 6, 200.0, 0.3, 0.2), (-2, 6, 200.0, -0.3, 0.2)]
    lost = [(-5, 5, 300.0, 4.0, 3.0), (1, 5, 200.0, 4.0, 3.2), (-2, 5, 200.0, 4.0, 3.2)]
    assert may_give_jet(hard_process(good + lost), find_process("Tbqq"))
    assert not may_give_jet(hard_process(lost), find_process("Tbqq"))
