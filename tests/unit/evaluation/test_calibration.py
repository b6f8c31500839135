import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from hepjepa_weaver.evaluation.calibration import bin_jets
from hepjepa_weaver.evaluation.predictions import Predictions
from tests.helpers.toy_predictions import toy_predictions


def two_classes(confidence, is_right) -> Predictions:
    """Jets that are assigned to class 0 with these probabilities; those that are wrong are of class 1."""
    confidence = np.array(confidence)
    return Predictions(np.stack([confidence, 1 - confidence], axis=1), 1 - np.array(is_right), ("Top", "QCD"))


def test_calibration_error_by_hand():
    # Bins of 1/15: 0.95 and 0.96 lie in the last, 0.62 in (9/15, 10/15].
    toy = two_classes([0.95, 0.96, 0.62, 0.62], [1, 0, 1, 1])
    expected = 0.5 * abs(0.5 - 0.955) + 0.5 * abs(1 - 0.62)
    assert bin_jets(toy).reliability().calibration_error == pytest.approx(expected)


def test_a_tagger_that_is_always_right_and_sure_has_no_error():
    assert bin_jets(two_classes([1, 1, 1], [1, 1, 1])).reliability().calibration_error == 0


def test_probabilities_at_an_edge_belong_to_the_bin_below():
    n_jets = bin_jets(two_classes([0.6, 0.6001, 1.0], [1, 1, 1])).reliability().n_jets
    assert np.flatnonzero(n_jets).tolist() == [8, 9, 14]  # 0.6 is the edge of the ninth and tenth bin


def test_error_of_a_calibrated_tagger_goes_to_zero():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 200_000)
    assert bin_jets(two_classes(confidence, rng.random(200_000) < confidence)).reliability().calibration_error < 0.005


def test_reliability_as_scikit_learn():
    rng = np.random.default_rng(1)
    confidence, is_right = rng.uniform(0.5, 1, 500), rng.integers(0, 2, 500)
    measured = bin_jets(two_classes(confidence, is_right)).reliability()
    fraction, mean = calibration_curve(is_right, confidence, n_bins=15)
    filled = measured.n_jets > 0
    np.testing.assert_allclose(measured.accuracy[filled], fraction)
    np.testing.assert_allclose(measured.confidence[filled], mean)


def test_weights_count_jets_several_times():
    toy = toy_predictions(60)
    weights = np.arange(60) % 3
    jets = np.repeat(np.arange(60), weights)
    repeated = Predictions(toy.scores[jets], toy.labels[jets], toy.class_names)
    weighted = bin_jets(toy).reliability(weights.astype(float))
    np.testing.assert_allclose(weighted.n_jets, bin_jets(repeated).reliability().n_jets)
    assert weighted.calibration_error == pytest.approx(bin_jets(repeated).reliability().calibration_error)
