"""What classifiers read of the particles."""

import numpy as np
import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.classifier_inputs import (
    NUM_FEATURES,
    id_inputs,
    joined_inputs,
    kinematic_inputs,
    standardised,
)
from tests.helpers.messages import naming
from tests.helpers.toy_particles import jets_of, toy_jets

CPU = torch.device("cpu")


def test_features_of_a_particle():
    inputs = kinematic_inputs(jets_of([(60, 0.3, 0.0), (40, 0.3, 0.0)], [(0.0, 0.03, 0.04)]))
    assert inputs.values[0] == pytest.approx([np.log(60), 0.3, 0, np.log(0.6), 0.3], abs=1e-6)
    assert inputs.values[2] == pytest.approx([np.log(1e-3), 0.03, 0.04, 0, 0.05], abs=1e-6)


def test_padding_is_zero_and_no_particle_is_lost():
    inputs = kinematic_inputs(toy_jets(6))
    values, is_real = inputs.padded(np.array([4, 1]), CPU)
    assert values.shape == (2, max(inputs.counts[4], inputs.counts[1]), NUM_FEATURES)
    assert is_real.sum(dim=1).tolist() == inputs.counts[[4, 1]].tolist()
    assert (values[~is_real] == 0).all()
    start = int(inputs.counts[:4].sum())
    np.testing.assert_array_equal(values[0][is_real[0]].numpy(), inputs.values[start : start + inputs.counts[4]])


def test_empty_jets_have_a_slot():
    values, is_real = kinematic_inputs(jets_of([], [])).padded(np.array([0, 1]), CPU)
    assert values.shape == (2, 1, NUM_FEATURES)
    assert not is_real.any()


def test_features_are_standardised_with_the_training_jets():
    train, test = kinematic_inputs(toy_jets(100)), kinematic_inputs(toy_jets(50, 1, width=0.2))
    scaled, other = standardised(train, test)
    np.testing.assert_allclose(scaled.values.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(scaled.values.std(axis=0), 1, rtol=1e-3)
    assert other.values[:, 1].std() == pytest.approx(2, rel=0.1)


def test_ids_stay_ids():
    jets = jets_of([(1, 0, 0), (1, 0, 0)], [(1, 0, 0)])
    inputs = id_inputs(jets, np.array([3, 0, 2]), 4)
    assert standardised(inputs)[0] is inputs
    values, _ = inputs.padded(np.array([0, 1]), CPU)
    assert values.tolist() == [[3, 0], [2, 0]]
    assert len(joined_inputs(inputs, inputs)) == 4


def test_ids_that_do_not_fit_are_refused():
    jets = jets_of([(1, 0, 0), (1, 0, 0)])
    with pytest.raises(UserError, match=naming(3, 2, "ids")):
        id_inputs(jets, np.array([0, 1, 2]), 4)
    with pytest.raises(UserError, match=naming(4, "codes")):
        id_inputs(jets, np.array([0, 4]), 4)
