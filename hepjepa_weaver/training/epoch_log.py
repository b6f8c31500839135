"""Output of a pre-training epoch to the progress bar, the log and TensorBoard."""

import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.runtime.ranks import mean_over_processes
from hepjepa_weaver.weaver_api.log import logger


class Means:
    """Means of scalars over several batches, by name, summed on the device and read on request."""

    def __init__(self) -> None:
        self.num_batches = 0
        self._sums: dict[str, Tensor] = {}

    def add(self, scalars: Mapping[str, Tensor]) -> None:
        """Add the scalars of one batch."""
        self.num_batches += 1
        for name, value in scalars.items():
            self._sums[name] = self._sums[name] + value.detach() if name in self._sums else value.detach()

    def read(self) -> dict[str, float]:
        """Return the means, by name; reading waits for the device."""
        return {name: value.item() / self.num_batches for name, value in self._sums.items()}

    def of_all_ranks(self) -> dict[str, float]:
        """Return the means over all ranks, by name, which call this together after as many batches each.

        A loss of one rank alone may be divided by the mean number of particles of all (`objectives.losses`).
        """
        return {name: mean_over_processes(value).item() / self.num_batches for name, value in self._sums.items()}


class EpochLog:
    """Losses of one training epoch, written every `log_every` steps and at the end of the epoch.

    Args:
        tb_helper: weaver's; None for none.
        log_every: number of steps.
        kind: beginning of the tags of what is monitored.
        total: tag of the total loss; weaver's is "Loss".
    """

    def __init__(self, tb_helper: Any, log_every: int, kind: str = "Pretrain", total: str = "Loss/total") -> None:
        self.tb_helper, self.log_every, self.kind, self.total = tb_helper, log_every, kind, total
        self.start = time.time()
        self.num_jets = 0
        self.epoch, self.recent = Means(), Means()

    def add(self, losses: LossTerms, num_jets: int) -> None:
        """Add the losses of one batch."""
        self.num_jets += num_jets
        self.epoch.add(losses.by_name)
        self.recent.add(losses.by_name)

    def is_due(self) -> bool:
        """Tell whether to write now: at the first step of an epoch and then every `log_every` steps."""
        return (self.epoch.num_batches - 1) % self.log_every == 0

    def write(self, step: int, monitors: dict[str, Any]) -> dict[str, str]:
        """Write mean losses since the last call, and `monitors`, to TensorBoard at `step`.

        Returns:
            Texts for the progress bar, by name.
        """
        loss = self.recent.read()
        values = {name: float(value) for name, value in monitors.items()}
        self.recent = Means()
        if self.tb_helper:
            scalars = [(f"{self._tag(name)}/train", value, step) for name, value in loss.items()]
            scalars += [(f"{self.kind}/{name}", value, step) for name, value in values.items()]
            self.tb_helper.write_scalars(scalars)
        return {"step": str(step), **{k: f"{v:.4g}" for k, v in {"loss": loss["total"], **values}.items()}}

    def finish(self, epoch: int) -> None:
        """Log the whole epoch."""
        mean, seconds = self.epoch.read(), time.time() - self.start
        logger.info("Processed %d jets in %.1f s (%.1f jets/s)", self.num_jets, seconds, self.num_jets / seconds)
        logger.info("Train loss: %s", ", ".join(f"{name} {value:.5f}" for name, value in mean.items()))
        if self.tb_helper:
            scalars = [(f"{self._tag(name)}/train (epoch)", value, epoch) for name, value in mean.items()]
            self.tb_helper.write_scalars(scalars)

    def _tag(self, name: str) -> str:
        return self.total if name == "total" else f"Loss/{name}"
