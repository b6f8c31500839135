"""The training loop: the same seed gives the same scores, and leaves other random numbers alone."""

import numpy as np
import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.classifier_inputs import kinematic_inputs
from hepjepa_weaver.fidelity.classifier_networks import NETWORKS
from hepjepa_weaver.fidelity.training import TrainingPlan, train_and_score
from hepjepa_weaver.runtime.devices import usable_device
from tests.helpers.messages import naming
from tests.helpers.toy_particles import jets_of, toy_jets


def scores(plan, n_jets=40):
    labels = np.arange(n_jets) % 2
    return train_and_score(kinematic_inputs(toy_jets(n_jets)), labels, [kinematic_inputs(toy_jets(9, 1))], 2, plan)[0]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_seed_decides_everything(network):
    plan = TrainingPlan(network, steps=3, batch_size=64)
    first = scores(plan)
    state = torch.get_rng_state()
    np.testing.assert_array_equal(scores(plan), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.shape == (9, 2)
    np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-6)
    assert (scores(TrainingPlan(network, steps=3, batch_size=64, seed=1)) != first).any()


def test_nothing_to_score_gives_nothing():
    inputs = kinematic_inputs(toy_jets(8))
    nothing = kinematic_inputs(jets_of())
    assert train_and_score(inputs, np.arange(8) % 2, [nothing], 2, TrainingPlan("particle_flow", 1))[0].size == 0
    with pytest.raises(UserError, match=naming("no jets")):
        train_and_score(nothing, np.zeros(0, np.int64), [], 2, TrainingPlan())


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_devices_that_are_not_there_are_told(device):
    with pytest.raises(UserError, match=naming(device, "cpu")):
        usable_device(device)
