import json

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.bootstrap import Interval
from hepjepa_weaver.studies.cell_results import CellResult, format_summary, number_of_seeds, read_result, summarise


def result(value, low=None, high=None):
    return CellResult({"accuracy": Interval(value, low, high)}, {"QCD": 1})


def test_mean_and_spread_over_seeds():
    summary = summarise([[result(0.5, 0.4, 0.6), result(0.7, 0.65, 0.75)]], "accuracy")
    assert summary.mean == pytest.approx(0.6)
    assert summary.spread == summary.label_spread == pytest.approx(0.2 / 2**0.5)
    assert summary.pretraining_spread is None
    assert summary.test_error == pytest.approx((0.1 + 0.05) / 2)
    assert format_summary(summary) == "0.60 ± 0.14"


def test_spreads_over_pretrainings_and_over_labels_are_told_apart():
    """Pre-trainings far apart with labels close together, and the other way round."""
    far = summarise([[result(0.49), result(0.51)], [result(0.69), result(0.71)]], "accuracy")
    assert far.pretraining_spread == pytest.approx(0.2 / 2**0.5)
    assert far.label_spread == pytest.approx(0.02 / 2**0.5)
    close = summarise([[result(0.5), result(0.7)], [result(0.5), result(0.7)]], "accuracy")
    assert close.pretraining_spread == pytest.approx(0, abs=1e-12)
    assert close.label_spread == pytest.approx(0.2 / 2**0.5)
    assert far.mean == close.mean == pytest.approx(0.6)


def test_the_number_of_seeds():
    assert number_of_seeds([[result(0.5)] * 3]) == "3"
    assert number_of_seeds([[result(0.5)] * 3] * 2) == "2 × 3"


def test_one_seed_has_the_error_of_the_test_jets():
    summary = summarise([[result(0.5, 0.4, 0.6)]], "accuracy")
    assert summary.spread is None
    assert format_summary(summary) == "0.50 ± 0.10"


def test_undefined_for_a_seed_is_undefined():
    assert format_summary(summarise([[result(0.5, 0.4, 0.6), result(None)]], "accuracy")) == "undefined"
    assert summarise([[result(100.0, 50.0, None)]], "accuracy").test_error is None


def test_metrics_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "seed0.json"
    content = {"jets_per_class": {"QCD": 3}, "metrics": {"AUC": {"value": 0.9, "low": 0.8, "high": None}}}
    path.write_text(json.dumps(content))
    assert read_result(path) == CellResult({"AUC": Interval(0.9, 0.8, None)}, {"QCD": 3})


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"metrics": {"AUC": 1}, "jets_per_class": {}}'])
def test_damaged_metrics_are_named(tmp_path, text):
    path = tmp_path / "seed0.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=r"seed0\.json"):
        read_result(path)
