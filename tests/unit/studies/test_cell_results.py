import json

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.bootstrap import Interval
from hepjepa_weaver.studies.rates import choose_rate, rate_in
from hepjepa_weaver.studies.results import CellResult, format_summary, read_result, summarise


def result(value, low=None, high=None):
    return CellResult({"accuracy": Interval(value, low, high)}, {"QCD": 1})


def test_mean_and_spread_over_seeds():
    summary = summarise([result(0.5, 0.4, 0.6), result(0.7, 0.65, 0.75)], "accuracy")
    assert summary.mean == pytest.approx(0.6)
    assert summary.spread == pytest.approx(0.2 / 2**0.5)
    assert summary.test_error == pytest.approx((0.1 + 0.05) / 2)
    assert format_summary(summary) == "0.60 ± 0.14"


def test_one_seed_has_no_spread():
    summary = summarise([result(0.5, 0.4, 0.6)], "accuracy")
    assert summary.spread is None
    assert format_summary(summary) == "0.5"


def test_undefined_for_a_seed_is_undefined():
    assert format_summary(summarise([result(0.5, 0.4, 0.6), result(None)], "accuracy")) == "undefined"
    assert summarise([result(100.0, 50.0, None)], "accuracy").test_error is None


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
    with pytest.raises(UserError, match=r"seed0\.json holds no metrics: delete it and run snakemake again"):
        read_result(path)


def logs(tmp_path, **best):
    for rate, value in best.items():
        (tmp_path / rate).write_text(f"INFO: Epoch #3: Current validation metric: 0.10000 (best: {value})\n")
    return [(rate, tmp_path / rate) for rate in best]


def test_the_rate_with_the_best_epoch_is_chosen(tmp_path):
    rate, table = choose_rate(logs(tmp_path, a="0.41000", b="0.52000", c="0.52000"))
    assert rate == "b"
    assert table == "a\t0.41000\nb\t0.52000\tchosen\nc\t0.52000\n"
    (tmp_path / "table").write_text(table)
    assert rate_in(tmp_path / "table") == "b"


def test_a_training_without_validation_is_named(tmp_path):
    (tmp_path / "log").write_text("weaver ended early")
    with pytest.raises(UserError, match=r"log tells of no validation"):
        choose_rate([("a", tmp_path / "log")])
    (tmp_path / "table").write_text("a\t0.4\n")
    with pytest.raises(UserError, match=r"table marks no learning rate: delete it"):
        rate_in(tmp_path / "table")
