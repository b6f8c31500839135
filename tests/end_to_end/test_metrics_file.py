"""`{prefix}_metrics.jsonl` of real runs: what a second run, validation alone and a damaged file do to it."""

import shutil

import pytest

from hepjepa_weaver.common.epoch_metrics import metrics_path, read_epochs
from tests.helpers.messages import names
from tests.helpers.weaver_command import ENCODER, FINETUNE, PRETRAIN, refused, succeeded, weaver

pytestmark = pytest.mark.slow


@pytest.fixture
def run(work, pretrained, request):
    """A copy of a pre-training of two epochs; the prefix of its files."""
    folder = work / request.node.name
    shutil.copytree(pretrained / "pretrain", folder)
    return folder / "net"


def test_each_epoch_has_its_line(pretrained):
    epochs = read_epochs(metrics_path(pretrained / "pretrain/net"))
    assert [epoch.epoch for epoch in epochs] == [0, 1]
    assert all(epoch.jets == 200 and epoch.seconds > 0 and epoch.train["loss"] > 0 for epoch in epochs)
    assert [epoch.metric for epoch in epochs] == [epoch.validation["probe_accuracy"] for epoch in epochs]


def test_validation_alone_keeps_what_training_wrote(work, run):
    before = read_epochs(metrics_path(run))
    options = ("--model-prefix", str(run), "--run-mode", "val", *PRETRAIN)
    succeeded(weaver(work, "hepjepa_pretrain", *options))
    after = read_epochs(metrics_path(run))
    assert [(epoch.train, epoch.jets) for epoch in after] == [(epoch.train, epoch.jets) for epoch in before]
    assert all(epoch.metric is not None for epoch in after)


def test_a_damaged_file_is_named_before_anything_is_trained(work, run):
    metrics_path(run).write_text('{"epoch": 0, "jets": 1')
    line = refused(weaver(work, "hepjepa_pretrain", "--model-prefix", str(run), "--load-epoch", "0", *PRETRAIN))
    assert names(line, "net_metrics.jsonl", "line 1")


def test_a_file_that_cannot_be_written_costs_no_epoch(work):
    (work / "blocked").mkdir()
    (work / "blocked/net_metrics.jsonl").mkdir()
    log = succeeded(
        weaver(work, "hepjepa_finetune", "--model-prefix", "blocked/net", "-o", "from_scratch", "True", *FINETUNE)
    )
    assert "blocked/net_metrics.jsonl" in log
    assert (work / "blocked/net_epoch-0_state.pt").exists()


def test_a_prediction_writes_none(work, pretrained):
    weights = str(pretrained / "pretrain/net_epoch-1_state.pt")
    options = ("--predict", "--model-prefix", weights, "--predict-output", "predictions/some.parquet")
    predictor = PRETRAIN[len(ENCODER) : PRETRAIN.index("--num-epochs")]
    succeeded(weaver(work, "hepjepa_pretrain", *options, *ENCODER, *predictor, split="test"))
    assert not metrics_path(weights).exists()
