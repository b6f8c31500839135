"""A probe that stands still while the loss falls."""

import logging

import pytest

from hepjepa_weaver.common.epoch_metrics import EpochMetrics, metrics_path, write_training, write_validation
from hepjepa_weaver.host.probe_watch import warn_of_standstill
from tests.helpers.messages import names


def told(folder, caplog, probes, losses):
    """The epochs in which something is told, with the text of the last."""
    path, epochs, text = metrics_path(folder / "net"), [], ""
    for epoch, (probe, loss) in enumerate(zip(probes, losses, strict=True)):
        write_training(path, EpochMetrics(epoch))
        found = {"loss": loss} | ({} if probe is None else {"probe_accuracy": probe})
        write_validation(path, epoch, found, probe or 0.5)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            warn_of_standstill(path, epoch)
        if caplog.messages:
            epochs.append(epoch)
            (text,) = caplog.messages
    return epochs, text


FALLING = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]


def test_it_is_told_once_after_three_epochs(tmp_path, caplog):
    epochs, text = told(tmp_path, caplog, [0.40, 0.46, 0.461, 0.455, 0.464, 0.463], FALLING)
    assert epochs == [4]
    assert names(text, "0.460", "since epoch 1", "0.9", "0.6", "-o preset default")


@pytest.mark.parametrize(
    ("probes", "losses"),
    [
        ([0.40, 0.41, 0.42, 0.43, 0.44, 0.45], FALLING),
        ([0.40, 0.40, 0.40, 0.41, 0.40, 0.40], FALLING),
        ([0.40] * 6, [1.0, 1.0, 1.1, 1.1, 1.2, 1.2]),
        ([0.40] * 3, FALLING[:3]),
        ([None] * 6, FALLING),
    ],
)
def test_nothing_is_told_of_a_probe_that_rises_or_a_loss_that_does_not_fall(tmp_path, caplog, probes, losses):
    assert told(tmp_path, caplog, probes, losses)[0] == []


def test_a_repeated_epoch_looks_at_those_before_it_alone(tmp_path, caplog):
    told(tmp_path, caplog, [0.4] * 6, FALLING)
    caplog.clear()
    warn_of_standstill(metrics_path(tmp_path / "net"), 2)
    assert caplog.messages == []
