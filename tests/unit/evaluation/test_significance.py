"""Significance improvement: its value where it is known, and intervals that hold the truth as often as they say."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.significance import loosest_cut, significance_improvement, significance_metrics
from tests.helpers.messages import naming


def test_the_value_is_that_of_the_fractions_that_pass():
    background = np.arange(1000) / 1000
    signal = np.array([0.9895, 0.99, 0.995, 0.5])  # 10 background jets are at 0.99 or above
    found = significance_improvement(signal, background, 0.01)
    assert found.value == pytest.approx((2 / 4) / math.sqrt(10 / 1000))
    assert found.low < found.value < found.high


def test_a_score_without_meaning_gains_nothing():
    rng = np.random.default_rng(0)
    found = significance_improvement(rng.random(20_000), rng.random(50_000), 0.01)
    assert found.value == pytest.approx(math.sqrt(0.01), rel=0.1)  # TPR = FPR


@pytest.mark.parametrize(("rate", "number"), [(1e-2, 5000), (1e-3, 5000), (1e-2, 500)])
def test_the_interval_holds_the_truth_in_two_of_three_samples(rate, number):
    """Also with five background jets behind the cut. Normal scores of mean 0 and 1.5."""
    cut = NormalDist().inv_cdf(1 - rate)
    truth = (1 - NormalDist(1.5).cdf(cut)) / math.sqrt(rate)
    rng, inside = np.random.default_rng(1), 0
    for _ in range(300):
        found = significance_improvement(rng.normal(1.5, 1, number), rng.normal(0, 1, number), rate)
        inside += found.low <= truth <= found.high
    assert 0.58 < inside / 300 < 0.80


def test_jets_that_tie_pass_together_or_not_at_all():
    assert loosest_cut(np.array([0.9, 0.5, 0.5, 0.1]), 3) == 0.5
    assert loosest_cut(np.array([0.9, 0.5, 0.5, 0.1]), 2) == 0.9
    assert loosest_cut(np.array([0.5, 0.5, 0.1]), 1) is None
    assert loosest_cut(np.array([0.5, 0.4]), 0) is None
    assert loosest_cut(np.array([0.5, 0.4]), 5) == 0.4


def test_without_enough_background_jets_it_is_undefined():
    found = significance_improvement(np.array([0.9, 0.2]), np.arange(99) / 99, 0.01)
    assert (found.value, found.low, found.high) == (None, None, None)


def test_it_is_of_two_classes():
    scores = np.full((4, 2), 0.5)
    labels = np.array([0, 0, 1, 1])
    found = significance_metrics(Predictions(scores, labels, ("QCD", "Tbqq")), "QCD")
    assert list(found) == ["SIC 0.01", "SIC 0.001"]
    with pytest.raises(UserError, match=naming("Hbb", "QCD, Tbqq")):
        significance_metrics(Predictions(scores, labels, ("QCD", "Tbqq")), "Hbb")
    three = Predictions(np.full((3, 3), 1 / 3), np.arange(3), ("a", "b", "c"))
    with pytest.raises(UserError, match=naming("two classes")):
        significance_metrics(three, "a")
