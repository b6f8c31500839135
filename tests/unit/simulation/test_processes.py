"""The ten classes and the veto on the hard process."""

from functools import cache

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.simulation.generator import import_pythia, may_give_jet
from hepjepa_weaver.simulation.processes import JETCLASS_PROCESSES, LABELS, find_process


def test_every_label_has_one_class():
    assert sorted(process.label for process in JETCLASS_PROCESSES) == sorted(LABELS)
    assert len({process.stem for process in JETCLASS_PROCESSES}) == 10


@pytest.mark.parametrize("name", ["HToBB", "Hbb", "label_Hbb"])
def test_a_class_is_found_by_stem_and_label(name):
    assert find_process(name).stem == "HToBB"


def test_an_unknown_class_names_the_known_ones():
    with pytest.raises(UserError, match=r"HToXX.*ZJetsToNuNu.*TTBarLep"):
        find_process("HToXX")


@cache
def pythia():
    return import_pythia().Pythia("", False)


def hard_process(products):
    """A Pythia event record: five entries of beams and incoming partons, then (code, mother, pT, eta, phi)."""
    pythia8 = import_pythia()
    record = pythia8.Event()
    record.init("test", pythia().particleData)
    for code in (90, 2212, 2212, 21, 21):
        record.append(code, -21, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 100.0, 100.0, 0.0, 0.0)
    for code in (6, -6):  # entries 5 and 6: the mothers
        record.append(code, -22, 3, 4, 0, 0, 0, 0, 0.0, 0.0, 0.0, 173.0, 173.0, 0.0)
    for code, mother, pt, eta, phi in products:
        momentum = pythia8.Vec4()
        momentum.p(*four_momentum(pt, eta, phi))
        record.append(code, 23, mother, 0, 0, 0, 0, 0, momentum, 0.0, 0.0)
    return record


def four_momentum(pt, eta, phi):
    return pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)


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
