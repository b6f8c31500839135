"""Boosted trees tell samples apart by observables."""

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.observables import observe
from hepjepa_weaver.fidelity.tree_separation import tree_auc
from tests.helpers.messages import naming
from tests.helpers.toy_particles import jets_of, toy_jets

pytest.importorskip("fastjet", reason="observables need the extra 'jets'")


def test_equal_samples_are_not_told_apart():
    found = tree_auc(observe(toy_jets(600, 1)), observe(toy_jets(600, 2)))
    assert found.value == pytest.approx(0.5, abs=4 * found.error)


def test_other_samples_are_told_apart():
    sample, reference = observe(toy_jets(600, 1, width=0.2)), observe(toy_jets(600, 2))
    found = tree_auc(sample, reference)
    assert found.value > 0.9
    assert found == tree_auc(sample, reference)


def test_a_shift_of_the_whole_jet_is_not_looked_at():
    jets = toy_jets(600, 1)
    jets.dphi[:] += 0.1
    found = tree_auc(observe(jets), observe(toy_jets(600, 2)))
    assert found.value == pytest.approx(0.5, abs=4 * found.error)


def test_jets_of_two_particles_have_no_substructure_to_read():
    rng = np.random.default_rng(0)
    samples = [
        observe(jets_of(*[[(pt, 0, 0), (pt, 0.1, 0)] for pt in rng.uniform(*of, 60)])) for of in ((1, 2), (3, 4))
    ]
    assert tree_auc(*samples).value > 0.9


def test_few_jets_are_told_apart_if_nothing_overlaps():
    samples = [observe(jets_of(*[[(pt + place, 0, 0)] for place in range(10)])) for pt in (1, 101)]
    assert tree_auc(*samples).value == 1


def test_one_jet_is_not_enough():
    with pytest.raises(UserError, match=naming("fewer than two jets")):
        tree_auc(observe(toy_jets(1)), observe(toy_jets(10)))
