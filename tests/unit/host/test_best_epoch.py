import json
from pathlib import Path

import pytest

from hepjepa_weaver.host.best_epoch import Metric, as_weaver_compares, best_before
from tests.helpers.messages import names
from tests.helpers.networks import weaver_args


@pytest.fixture
def prefix(tmp_path):
    return str(tmp_path / "net")


def best_of(metrics, args, first=0):
    """The best epoch as weaver finds it, from epoch `first` on; None if there is none."""
    best_metric, best = 0, None
    for epoch, metric in enumerate(metrics, start=first):
        value = as_weaver_compares(metric, epoch, args)
        if value > best_metric:
            best_metric, best = value, epoch
    return best


def run_before(prefix, metrics, has_best=True):
    """The metrics file of a run, and the checkpoint of its best epoch."""
    lines = [json.dumps({"epoch": epoch, "metric": metric}) + "\n" for epoch, metric in enumerate(metrics)]
    Path(f"{prefix}_metrics.jsonl").write_text("".join(lines))
    if has_best:
        Path(f"{prefix}_best_epoch_state.pt").touch()


@pytest.mark.parametrize(
    ("metrics", "best"),
    [
        ([0.3, 0.5, 0.4], 1),
        ([0.5, 0.5], 0),
        ([0.0], 0),
        ([0.0, 0.0, 0.0], 2),
        ([0.0, 0.2, 0.0], 1),
        ([0.2, 0.0, 0.0], 0),
        ([0.0, 0.0, 0.1, 0.05], 2),
        ([-3.0, -1.0, -2.0], 1),
        ([-1.0, 0.0], 1),
        ([float("nan"), 0.1, float("nan")], 1),
    ],
)
def test_weaver_finds_the_best_epoch_also_where_no_metric_is_above_zero(prefix, metrics, best):
    assert best_of(metrics, weaver_args("--model-prefix", prefix)) == best


def test_a_metric_that_is_no_number_is_never_the_best(prefix):
    assert best_of([float("nan")] * 3, weaver_args("--model-prefix", prefix)) is None


def test_a_metric_is_the_number_that_weaver_writes():
    metric = Metric(0.25, earlier=0.5)
    assert metric == 0.25
    assert f"{metric:.5f}" == "0.25000"
    assert metric.earlier == 0.5
    assert not metric > 0
    assert Metric(0.75, earlier=0.5) > metric


@pytest.mark.parametrize(("metrics", "best"), [([0.6, 0.7], None), ([0.6, 0.75, 0.72], 4), ([0.8, 0.71], 3)])
def test_after_a_resume_the_earlier_better_epoch_stays(prefix, metrics, best):
    run_before(prefix, [0.5, 0.7, 0.6])
    args = weaver_args("--model-prefix", prefix, "--load-epoch", "2")
    assert best_of(metrics, args, first=3) == best


def test_after_a_resume_epochs_that_are_trained_again_do_not_count(prefix):
    run_before(prefix, [0.5, 0.6, 0.9])
    args = weaver_args("--model-prefix", prefix, "--load-epoch", "1")
    assert best_before(2, args) == 0.6
    assert best_of([0.7], args, first=2) == 2


def test_later_epochs_of_a_resumed_run_are_compared_with_each_other(prefix):
    """The metrics file has them by then."""
    run_before(prefix, [0.5, 0.6, 0.9, 0.8])
    args = weaver_args("--model-prefix", prefix, "--load-epoch", "1")
    assert best_before(4, args) == 0.6


def test_epochs_without_validation_do_not_count(prefix):
    run_before(prefix, [0.5, None, None])
    assert best_before(3, weaver_args("--model-prefix", prefix, "--load-epoch", "2")) == 0.5
    run_before(prefix, [None, None])
    assert best_before(2, weaver_args("--model-prefix", prefix, "--load-epoch", "1")) == -float("inf")


def test_without_the_checkpoint_of_the_best_epoch_there_is_a_new_one(prefix):
    run_before(prefix, [0.5, 0.7], has_best=False)
    args = weaver_args("--model-prefix", prefix, "--load-epoch", "1")
    assert best_of([0.1, 0.3], args, first=2) == 3


def test_without_a_metrics_file_any_epoch_may_be_the_best(prefix):
    Path(f"{prefix}_best_epoch_state.pt").touch()
    assert best_of([0.1], weaver_args("--model-prefix", prefix, "--load-epoch", "1"), first=2) == 2


def test_a_new_run_does_not_look_at_an_earlier_one(prefix):
    run_before(prefix, [0.9])
    assert best_of([0.1], weaver_args("--model-prefix", prefix)) == 0


@pytest.mark.parametrize(("metric", "is_told"), [(0.0, True), (-1.0, True), (0.1, False)])
def test_a_metric_that_is_not_above_zero_is_told(prefix, caplog, metric, is_told):
    as_weaver_compares(metric, 7, weaver_args("--model-prefix", prefix))
    messages = [record.getMessage() for record in caplog.records if record.name == "weaver"]
    assert [names(message, "epoch 7", f"{metric:g}") for message in messages] == [True] * is_told
