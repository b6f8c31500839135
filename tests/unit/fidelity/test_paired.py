"""Differences of two taggers on the same test jets."""

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.bootstrap import bootstrap_metrics
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.fidelity.paired import accuracy_difference
from tests.helpers.messages import naming

NAMES = ("QCD", "Hbb")
LABELS = np.arange(1000) % 2


def predictions(is_right, labels=LABELS) -> Predictions:
    found = np.where(is_right, labels, 1 - labels)
    return Predictions(np.eye(2)[found], labels, NAMES)


def test_the_paired_error_is_smaller_than_the_unpaired_one():
    rng = np.random.default_rng(0)
    is_right = rng.random(1000) < 0.7
    flipped = rng.random(1000) < 0.02  # the taggers differ on 2 % of the jets
    ours, theirs = predictions(is_right ^ flipped), predictions(is_right)
    found = accuracy_difference(ours, theirs)
    unpaired = np.hypot(*(bootstrap_metrics(of)["accuracy"].measurement.error for of in (ours, theirs)))
    assert found.value == pytest.approx(np.mean(is_right ^ flipped) - np.mean(is_right))
    assert found.error == pytest.approx(np.sqrt(0.02 / 1000), rel=0.3)
    assert found.error < unpaired / 3


def test_independent_taggers_have_the_unpaired_error():
    rng = np.random.default_rng(1)
    ours, theirs = (predictions(rng.random(1000) < 0.7) for _ in range(2))
    assert accuracy_difference(ours, theirs).error == pytest.approx(np.sqrt(2 * 0.21 / 1000), rel=0.2)


def test_equal_taggers_differ_by_nothing():
    ours = predictions(LABELS == 0)
    assert (accuracy_difference(ours, ours).value, accuracy_difference(ours, ours).error) == (0, 0)


def test_other_test_jets_are_refused():
    with pytest.raises(UserError, match=naming("other jets")):
        accuracy_difference(predictions(True), predictions(True, LABELS[::-1].copy()))
    with pytest.raises(UserError, match=naming("other jets")):
        accuracy_difference(predictions(True), predictions(True, LABELS[:10]))
