import json

import pytest

from hepjepa_weaver.common.epoch_metrics import (
    EpochMetrics,
    best_metric,
    metrics_path,
    read_epochs,
    write_training,
    write_validation,
)
from hepjepa_weaver.common.errors import UserError


def written(path, *metrics):
    for number, metric in enumerate(metrics):
        write_training(path, EpochMetrics(number, 10, 1.5, {"loss": 1.0 / (1 + number)}))
        write_validation(path, number, {"accuracy": 0.1}, metric)


def test_each_epoch_is_a_line_that_comes_back(tmp_path):
    path = metrics_path(tmp_path / "deep/net")
    written(path, 0.2, 0.3)
    assert path.name == "net_metrics.jsonl"
    assert [json.loads(line)["epoch"] for line in path.read_text().splitlines()] == [0, 1]
    assert read_epochs(path)[1] == EpochMetrics(1, 10, 1.5, {"loss": 0.5}, {"accuracy": 0.1}, 0.3)


def test_a_resumed_run_replaces_what_it_does_again(tmp_path):
    path = tmp_path / "net_metrics.jsonl"
    written(path, 0.2, 0.3, 0.9)
    write_training(path, EpochMetrics(1))
    write_validation(path, 1, {}, 0.4)
    assert [(epoch.epoch, epoch.metric) for epoch in read_epochs(path)] == [(0, 0.2), (1, 0.4)]


def test_validation_alone_leaves_everything_else_as_it_is(tmp_path):
    path = tmp_path / "net_metrics.jsonl"
    written(path, 0.2, 0.3)
    write_validation(path, 0, {"accuracy": 0.5}, 0.5)
    first, second = read_epochs(path)
    assert (first.metric, first.validation, first.train) == (0.5, {"accuracy": 0.5}, {"loss": 1.0})
    assert (second.metric, second.train, second.jets) == (0.3, {"loss": 0.5}, 10)


def test_the_best_metric_is_the_largest(tmp_path):
    path = tmp_path / "net_metrics.jsonl"
    written(path, 0.2, 0.7, 0.3)
    assert best_metric(path) == 0.7


def test_what_is_no_number_is_null(tmp_path):
    path = tmp_path / "net_metrics.jsonl"
    write_training(path, EpochMetrics(0, train={"loss": float("nan")}, metric=None))
    assert json.loads(path.read_text()) == {
        "epoch": 0, "jets": 0, "seconds": 0.0, "train": {"loss": None}, "validation": {}, "metric": None,
    }  # fmt: skip
    with pytest.raises(UserError, match=r"net_metrics\.jsonl"):
        best_metric(path)


@pytest.mark.parametrize("content", ["no json\n", '{"epoch": 0}\n{"era": 1}\n', "[1]\n"])
def test_a_damaged_file_is_named_with_its_line(tmp_path, content):
    path = tmp_path / "net_metrics.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=rf"net_metrics\.jsonl, line {len(content.splitlines())}"):
        read_epochs(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none_metrics\.jsonl"):
        read_epochs(tmp_path / "none_metrics.jsonl")
