import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, roc_auc_score, roc_curve

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.predictions import Predictions, read_predictions
from hepjepa_weaver.evaluation.tagging_metrics import (
    accuracy,
    background_rejection,
    class_rejection,
    macro_ovo_auc,
    roc_points,
    two_class_scores,
    working_points,
)
from tests.helpers.messages import naming
from tests.helpers.toy_predictions import CLASSES, LABEL_NAMES, toy_predictions


def test_accuracy_by_hand():
    scores = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.5, 0.5]])
    # the tie of the last jet goes to class 0, which is wrong
    assert accuracy(Predictions(scores, np.array([0, 0, 1, 1]), ("QCD", "Hbb"))) == 0.5


def test_accuracy_as_scikit_learn():
    toy = toy_predictions()
    assert accuracy(toy) == accuracy_score(toy.labels, toy.scores.argmax(axis=1))


@pytest.mark.parametrize("digits", [None, 1])
def test_auc_as_scikit_learn(digits):
    toy = toy_predictions(digits=digits)
    expected = roc_auc_score(toy.labels, toy.scores, multi_class="ovo", average="macro")
    assert macro_ovo_auc(toy) == pytest.approx(expected, abs=1e-12)


def test_auc_of_two_classes_as_scikit_learn():
    toy = toy_predictions()
    two = Predictions(toy.scores[:, :2] / toy.scores[:, :2].sum(1, keepdims=True), toy.labels % 2, CLASSES[:2])
    assert macro_ovo_auc(two) == pytest.approx(roc_auc_score(two.labels, two.scores[:, 1]), abs=1e-12)


def test_auc_limits():
    labels = np.arange(6) % 3
    assert macro_ovo_auc(Predictions(np.eye(3)[labels], labels, CLASSES)) == 1
    assert macro_ovo_auc(Predictions(np.full((6, 3), 1 / 3), labels, CLASSES)) == 0.5


def test_rejection_by_hand():
    signal = np.array([0.9, 0.8, 0.4, 0.1])
    background = np.array([0.95, 0.85, 0.7, 0.6, 0.3, 0.2, 0.1, 0.05])
    half = background_rejection(signal, background, 0.5)  # threshold 0.8: passed by 0.95 and 0.85
    assert (half.value, half.signal_efficiency, half.n_passed, half.n_background) == (4, 0.5, 2, 8)
    most = background_rejection(signal, background, 0.6)  # needs three of four: threshold 0.4
    assert (most.value, most.signal_efficiency, most.n_passed) == (2, 0.75, 4)
    every = background_rejection(signal, background, 1.0)
    assert (every.n_passed, every.signal_efficiency) == (7, 1)


def test_jets_that_tie_with_the_threshold_all_pass():
    signal, background = np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.array([0.5, 0.5, 0.1, 0.1])
    rejection = background_rejection(signal, background, 0.5)
    assert (rejection.value, rejection.signal_efficiency, rejection.n_passed) == (2, 0.8, 2)


def test_a_tagger_without_any_information_rejects_nothing():
    rejection = background_rejection(np.full(10, 0.5), np.full(20, 0.5), 0.5)
    assert (rejection.value, rejection.signal_efficiency) == (1, 1)


def test_rejection_is_undefined_where_no_background_passes():
    rejection = background_rejection(np.array([0.9, 0.8]), np.array([0.1, 0.2, 0.3]), 0.5)
    assert rejection.value is None
    assert (rejection.n_passed, rejection.n_background) == (0, 3)


@settings(deadline=None)
@given(
    signal=st.lists(st.integers(0, 9), min_size=1, max_size=30),
    background=st.lists(st.integers(0, 9), min_size=1, max_size=30),
    efficiency=st.sampled_from([0.3, 0.5, 0.99, 0.995, 1.0]),
)
def test_rejection_is_the_first_point_of_the_roc_curve_with_that_efficiency(signal, background, efficiency):
    rejection = background_rejection(np.array(signal) / 9, np.array(background) / 9, efficiency)
    truth = np.repeat([1, 0], [len(signal), len(background)])
    fpr, tpr, _ = roc_curve(truth, signal + background, drop_intermediate=False)
    first = np.flatnonzero(tpr >= efficiency - 1e-12)[0]
    assert rejection.n_passed == round(fpr[first] * len(background))
    assert rejection.signal_efficiency == pytest.approx(tpr[first])


def test_efficiency_that_binary_fractions_miss():
    # 0.99 * 300 is 297 and a little more: the threshold is the 297th score, not the 298th
    rejection = background_rejection(np.arange(300.0), np.arange(300.0), 0.99)
    assert rejection.signal_efficiency == 0.99
    assert math.ceil(0.07 * 100) == 8
    assert background_rejection(np.arange(100.0), np.arange(100.0), 0.07).signal_efficiency == 0.07


def test_two_class_score_is_zero_where_both_scores_are():
    scores = np.array([[0, 0, 1], [0.2, 0.6, 0.2], [0, 0, 1], [0.5, 0, 0.5], [0, 0, 1]])
    predictions = Predictions(scores, np.array([1, 1, 0, 0, 2]), CLASSES)
    signal, background = two_class_scores(predictions, "Hbb", "QCD")
    np.testing.assert_allclose(signal, [0, 0.75])
    np.testing.assert_array_equal(background, [0, 0])


@pytest.mark.parametrize(
    ("classes", "background", "points"),
    [
        (("QCD", "Hbb", "Tbl"), "QCD", ["Hbb 50 %", "Tbl 99.5 %"]),
        (("QCD", "Hbb", "Hqql"), "QCD", ["Hbb 50 %", "Hqql 99 %"]),
        (("Top", "QCD"), "QCD", ["Rej50", "Rej30"]),
        (("Q", "G"), "G", ["Rej50", "Rej30"]),
    ],
)
def test_customary_working_points(classes, background, points):
    assert [str(point) for point in working_points(classes, background)] == points
    toy = toy_predictions(3000)
    n_classes = len(classes)
    same_classes = Predictions(toy.scores[:, :n_classes], toy.labels % n_classes, classes)
    for point in working_points(classes, background):
        assert class_rejection(same_classes, point, background).signal_efficiency == point.efficiency


def test_unknown_class():
    with pytest.raises(UserError, match=naming("QCDD", *CLASSES)):
        two_class_scores(toy_predictions(), "Hbb", "QCDD")


def test_all_metrics_of_a_file_with_known_answers(write_prediction):
    scores = [[0.9, 0.1, 0], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]]
    path = write_prediction("pred.root", np.array(scores, "float32"), np.array([0, 0, 1, 1, 2, 2]))
    predictions = read_predictions(path, LABEL_NAMES)
    assert accuracy(predictions) == pytest.approx(4 / 6)
    # QCD-Hbb: score of QCD orders 3 of 4 pairs rightly, score of Hbb 3 of 4; the other two pairs of classes 1
    assert macro_ovo_auc(predictions) == pytest.approx((0.75 + 0.75 + 4) / 6)
    points = working_points(predictions.class_names)
    assert [point.signal for point in points] == ["Hbb", "Tbl"]
    hbb, tbl = (class_rejection(predictions, point) for point in points)
    assert hbb.value is None  # 8/9 at 50 %, above both QCD jets (1/10, 2/3)
    assert tbl.value is None
    assert (tbl.n_background, tbl.signal_efficiency) == (2, 1)


def test_roc_points_as_scikit_learn():
    signal, background = two_class_scores(toy_predictions(900, digits=2), "Hbb", "QCD")
    fpr, tpr, _ = roc_curve(
        np.repeat([1, 0], [300, 300]), np.concatenate([signal, background]), drop_intermediate=False
    )
    signal_efficiency, background_efficiency = roc_points(signal, background)
    points = set(zip(tpr.round(9).tolist(), fpr.round(9).tolist(), strict=True))
    ours = set(zip(signal_efficiency.round(9).tolist(), background_efficiency.round(9).tolist(), strict=True))
    assert ours <= points
    assert len(ours) == len(np.unique(signal))
    assert signal_efficiency[-1] == 1
    assert len(roc_points(signal, background, n_points=20)[0]) <= 20
