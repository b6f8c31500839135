"""Classifiers between samples, and taggers from features and from token ids."""

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.classifier_networks import NETWORKS
from hepjepa_weaver.fidelity.separation import separation_auc, tagging_accuracy
from hepjepa_weaver.fidelity.training import TrainingPlan
from tests.helpers.messages import naming
from tests.helpers.toy_particles import toy_jets

each_network = pytest.mark.parametrize("network", NETWORKS)
NAMES = ("QCD", "Hbb")


@each_network
def test_equal_samples_are_not_told_apart(network):
    found = separation_auc(toy_jets(600, 1), toy_jets(600, 2), TrainingPlan(network, 30))
    assert found.value == pytest.approx(0.5, abs=4 * found.error)
    assert found.error == pytest.approx(np.sqrt(1 / (12 * 300) * 2), rel=0.3)


@each_network
def test_other_samples_are_told_apart(network):
    found = separation_auc(toy_jets(300, 1), toy_jets(300, 2, width=0.4), TrainingPlan(network, 60))
    assert found.value > 0.97


def test_samples_of_one_jet_are_refused():
    with pytest.raises(UserError, match=naming("fewer than two jets")):
        separation_auc(toy_jets(1), toy_jets(10))


@each_network
def test_a_tagger_learns_the_classes(network):
    train, test = (toy_jets(300, seed, label_names=NAMES) for seed in (1, 2))
    found = tagging_accuracy(train, test, TrainingPlan(network, 60))
    assert found.accuracy.value > 0.75
    assert found.accuracy.value == found.metrics["accuracy"].value
    assert found.rate == 1e-3
    assert len(found.predictions.labels) == 300


def test_a_tagger_of_token_ids_learns_from_nothing_else():
    train, test = (toy_jets(300, seed, label_names=NAMES) for seed in (1, 2))
    ids = [2 * jets.label[jets.owner] + np.arange(len(jets.pt)) % 2 for jets in (train, test)]
    plan = TrainingPlan("particle_flow", 60)
    assert tagging_accuracy(train, test, plan, ids=(ids[0], ids[1], 4)).accuracy.value == 1
    nothing = [np.zeros_like(of) for of in ids]
    assert tagging_accuracy(train, test, plan, ids=(nothing[0], nothing[1], 4)).accuracy.value < 0.65


def test_the_best_learning_rate_is_taken():
    train, test = (toy_jets(300, seed, label_names=NAMES) for seed in (1, 2))
    found = tagging_accuracy(train, test, TrainingPlan("particle_flow", 40), rates=(1e-7, 3e-3))
    assert found.rate == 3e-3
    assert found.held_out[3e-3] > found.held_out[1e-7]


def test_a_tagger_needs_labels_of_the_same_classes():
    labelled = toy_jets(20, label_names=NAMES)
    with pytest.raises(UserError, match=naming("test jets", "labels")):
        tagging_accuracy(labelled, toy_jets(20))
    with pytest.raises(UserError, match=naming("QCD, Hbb", "QCD, Hcc")):
        tagging_accuracy(labelled, toy_jets(20, label_names=("QCD", "Hcc")))
    with pytest.raises(UserError, match=naming("Hbb")):
        tagging_accuracy(labelled, labelled[labelled.label == 0])
