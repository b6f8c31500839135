"""A linear probe that stands still while the loss falls: what is predicted teaches no more about the classes."""

from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.common.epoch_metrics import EpochMetrics, read_epochs
from hepjepa_weaver.weaver_api.log import logger

PROBE, LOSS = "probe_accuracy", "loss"
STILL = 3
"""Number of epochs without a better probe that are told."""
BETTER = 0.005
"""Accuracy that counts as better; the probe's error is about as large with 20 000 jets."""


def warn_of_standstill(path: Path, epoch: int) -> None:
    """Warn once, after the validation of an epoch, if the probe has stood still while the loss fell.

    Args:
        path: metrics file of the run.
        epoch: number of the epoch.
    """
    done = [known for known in read_epochs(path) if known.epoch <= epoch and {PROBE, LOSS} <= set(known.validation)]
    if not stands_still(done) or stands_still(done[:-1]):
        return
    best = max(done[:-STILL], key=lambda known: known.validation[PROBE])
    logger.warning(
        "the linear probe stands still at %.3f since epoch %d, while the loss falls from %.4g to %.4g: more epochs "
        "teach no more about the classes. Stop here, or change the targets (-o preset default) or --start-lr",
        best.validation[PROBE], best.epoch, best.validation[LOSS], done[-1].validation[LOSS],
    )  # fmt: skip


def stands_still(done: Sequence[EpochMetrics]) -> bool:
    """Tell whether the last epochs have no better probe than those before, and a lower loss."""
    before, recent = done[:-STILL], done[-STILL:]
    if not before:
        return False
    best = max(known.validation[PROBE] for known in before)
    falls = recent[-1].validation[LOSS] < before[-1].validation[LOSS]
    return falls and all(known.validation[PROBE] < best + BETTER for known in recent)
