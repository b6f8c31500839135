"""The largest common number of jets is taken from every sample, of each class where all have labels."""

from dataclasses import replace

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.equal_numbers import classes_left_out, equal_classes, equal_numbers, share_labels
from tests.helpers.messages import naming
from tests.helpers.toy_particles import toy_jets

NAMES = ("QCD", "Hbb", "Hcc")


def test_numbers_of_each_class_are_equal():
    many, few = toy_jets(30, label_names=NAMES), toy_jets(20, label_names=NAMES)
    for jets, taken in zip((many, few), equal_numbers([many, few]), strict=True):
        assert np.bincount(jets.label[taken]).tolist() == [7, 7, 6]
        assert (np.diff(taken) > 0).all()


def test_classes_that_a_sample_lacks_are_left_out():
    real, generated = toy_jets(30, label_names=NAMES), toy_jets(8, label_names=("Hbb",))
    shared = share_labels([generated, real])
    taken = equal_numbers(shared)
    assert [set(jets.label[of].tolist()) for jets, of in zip(shared, taken, strict=True)] == [{0}, {0}]
    assert [len(of) for of in taken] == [8, 8]
    assert (real.label[taken[1]] == 1).all()


def test_classes_left_out_are_told():
    real, generated = toy_jets(30, label_names=NAMES), toy_jets(8, label_names=("Hbb",))
    assert classes_left_out(share_labels([generated, real])) == ("QCD", "Hcc")
    assert classes_left_out([real, real]) == ()
    assert classes_left_out(share_labels([real, toy_jets(20)])) == ()


@pytest.mark.parametrize("take", [lambda jets: equal_numbers([jets], 2), lambda jets: equal_classes(jets, 2)])
def test_fewer_jets_than_classes_are_refused(take):
    with pytest.raises(UserError, match=naming("2 jets", "3 classes")):
        take(toy_jets(30, label_names=NAMES))


def test_without_labels_any_jets_are_taken():
    labelled, unlabelled = toy_jets(30, label_names=NAMES), toy_jets(20)
    assert [len(taken) for taken in equal_numbers(share_labels([labelled, unlabelled]))] == [20, 20]
    assert [len(taken) for taken in equal_numbers([unlabelled, unlabelled], max_jets=6)] == [6, 6]


def test_the_most_jets_are_shared_by_the_classes():
    jets = toy_jets(60, label_names=NAMES)
    (taken,) = equal_numbers([jets], max_jets=30)
    assert np.bincount(jets.label[taken]).tolist() == [10, 10, 10]


def test_samples_of_the_same_jets_keep_the_same():
    jets = toy_jets(60, label_names=NAMES)
    first, second, _ = equal_numbers([jets, replace(jets, pt=2 * jets.pt), toy_jets(20, label_names=NAMES)])
    assert (first == second).all()


def test_no_common_class_is_told():
    samples = share_labels([toy_jets(5, label_names=("QCD",)), toy_jets(5, label_names=("Hbb",))])
    with pytest.raises(UserError, match=naming("class")):
        equal_numbers(samples)


def test_classes_are_made_equal_in_one_sample():
    jets = toy_jets(30, label_names=NAMES[:2])
    jets = jets[np.r_[0:20, 20:30:2]]
    assert np.bincount(jets.label).tolist() == [15, 10]
    assert np.bincount(jets.label[equal_classes(jets)]).tolist() == [10, 10]
    assert np.bincount(jets.label[equal_classes(jets, 8)]).tolist() == [4, 4]
    assert len(equal_classes(toy_jets(30))) == 30
