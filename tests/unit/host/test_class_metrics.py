"""Metrics of a validation, with few and with many classes."""

import numpy as np
import pytest
from weaver.utils.nn import tools
from weaver.utils.nn.metrics import evaluate_metrics

from hepjepa_weaver.host.class_metrics import areas_against_rest
from hepjepa_weaver.host.weaver_patches import prepare_weaver

METRICS = ["roc_auc_score", "roc_auc_score_matrix", "confusion_matrix"]


def drawn(number, classes, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=number)
    scores = rng.random((number, classes))
    scores[np.arange(number), labels] += 0.3
    return labels, scores / scores.sum(axis=1, keepdims=True)


def test_few_classes_are_compared_as_weaver_does():
    prepare_weaver()
    labels, scores = drawn(500, 5)
    found, expected = (f(labels, scores, eval_metrics=METRICS) for f in (tools.evaluate_metrics, evaluate_metrics))
    assert found.keys() == expected.keys()
    for name in METRICS:
        np.testing.assert_array_equal(found[name], expected[name])


def test_many_classes_are_compared_to_the_rest():
    prepare_weaver()
    labels, scores = drawn(20_000, 188)
    ((name, mean),) = tools.evaluate_metrics(labels, scores, eval_metrics=METRICS).items()
    assert "188 classes" in name
    assert mean == pytest.approx(1 - 0.7**2 / 2, abs=0.01), "two flat distributions, one moved by 0.3"


def test_an_area_is_the_fraction_of_pairs_in_the_right_order():
    labels, scores = drawn(60, 3)
    for number, area in enumerate(areas_against_rest(labels, scores)):
        own, other = scores[labels == number, number], scores[labels != number, number]
        assert area == pytest.approx((own[:, None] > other).mean())


def test_classes_that_are_not_there_and_unknown_labels_do_not_count():
    labels, scores = drawn(60, 3)
    scores = np.concatenate([scores, np.zeros((60, 1))], axis=1)
    unknown = np.concatenate([labels, [-1, -1]]), np.concatenate([scores, np.ones((2, 4))])
    np.testing.assert_array_equal(areas_against_rest(*unknown), areas_against_rest(labels, scores[:, :3]))
    assert len(areas_against_rest(np.zeros(5, int), scores[:5])) == 0


def test_scores_that_are_no_numbers_end_no_run(caplog):
    prepare_weaver()
    labels, scores = drawn(100, 30)
    scores[3, 4] = np.nan
    (value,) = tools.evaluate_metrics(labels, scores, eval_metrics=METRICS).values()
    assert value is None
    assert "NaN" in caplog.records[-1].getMessage()
