"""The best epoch of a run, for weaver: also where no metric is above 0, and after a resume."""

from pathlib import Path
from typing import Any

from hepjepa_weaver.common.epoch_metrics import metrics_path, read_epochs
from hepjepa_weaver.weaver_api.log import logger


class Metric(float):
    """A metric of an epoch, which weaver compares with the best one so far: the largest is the best.

    Weaver starts with a best metric of 0. It saves no best epoch where no metric is above 0, and forgets the best epoch
    of a run that is resumed.
    """

    earlier: float

    def __new__(cls, value: float, earlier: float = -float("inf")) -> "Metric":
        """Make a metric.

        Args:
            value: the metric.
            earlier: the best metric before the run was resumed.
        """
        metric = super().__new__(cls, value)
        metric.earlier = earlier
        return metric

    def __gt__(self, best: float) -> bool:
        """Tell whether this epoch is better than all before it; at a metric of 0 the last epoch is the best."""
        value = float(self)
        return value > self.earlier and value > (float(best) or -float("inf"))


def as_weaver_compares(metric: float, epoch: int, args: Any) -> Metric:
    """Return the metric of an epoch so that weaver finds the best epoch of the whole run.

    Args:
        metric: the larger, the better.
        epoch: number of the epoch.
        args: weaver's parsed command line.
    """
    if metric <= 0:
        logger.warning("Metric %g of epoch %d: if it is never above 0, the last epoch is the best", metric, epoch)
    return Metric(metric, best_before(epoch, args) if args.load_epoch is not None else -float("inf"))


def best_before(epoch: int, args: Any) -> float:
    """Return the best metric of the epochs before the resume, if its checkpoint is there."""
    path, best = metrics_path(args.model_prefix), Path(f"{args.model_prefix}_best_epoch_state.pt")
    if not (path.is_file() and best.is_file()):
        return -float("inf")
    before = min(epoch, args.load_epoch + 1)
    metrics = (known.metric for known in read_epochs(path) if known.epoch < before and known.metric is not None)
    return max(metrics, default=-float("inf"))
