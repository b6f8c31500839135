"""Weaver's `--lr-finder` for every network, after the checks that a training makes."""

from typing import Any

from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.unreadable import leave_out_unreadable
from hepjepa_weaver.model.classifier import JetClassifier
from hepjepa_weaver.model.regressor import JetRegressor
from hepjepa_weaver.objectives.base import SelfSupervised
from hepjepa_weaver.training.loop import to_device
from hepjepa_weaver.training.regression import truth
from hepjepa_weaver.weaver_api.command import running_command
from hepjepa_weaver.weaver_api.substitutes import replace_function
from hepjepa_weaver.weaver_api.training import unwrap_model

SKIPPED = {"skip_start": 10, "skip_end": 5}
"""Points that weaver leaves out of the curve at its start and end."""


def install() -> None:
    """Put the finder of this module in the place of weaver's.

    Raises:
        WeaverChanged: weaver has no `LRFinder`.
    """
    from weaver.utils import lr_finder  # noqa: PLC0415 - it imports matplotlib, which a training does not need

    replace_function(lr_finder, "LRFinder", checked_finder)


def checked_finder(finder: type[Any]) -> type[Any]:
    """Return weaver's finder, which also takes networks that are pre-trained, and checks the input files first."""
    return type("CheckedFinder", (FinderChecks, finder), {})


class FinderChecks:
    """What `CheckedFinder` has beside weaver's `LRFinder`, whose attributes it uses."""

    model: Any
    optimizer: Any
    criterion: Any
    device: Any
    input_names: Any
    label_names: Any
    history: dict[str, list[float]]

    def range_test(self, train_loader: Any, *args: Any, **kwargs: Any) -> None:
        """Find the losses of a range of learning rates, after the checks of network and files."""
        self.objective = unwrap_model(self.model)
        self.is_pretrained = isinstance(self.objective, SelfSupervised)
        if isinstance(self.objective, JetClassifier):
            self.objective.check_ready()
        leave_out_unreadable(train_loader, running_command().data_train, takes_unlabelled=self.is_pretrained)
        self.loader = train_loader
        self.batches = iter(train_loader)
        super().range_test(train_loader, *args, **kwargs)  # type: ignore[misc]

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """Plot the curve; that of a short test whole."""
        is_short = len(self.history["lr"]) <= 2 * sum(SKIPPED.values())
        return super().plot(*args, **{**kwargs, **(dict.fromkeys(SKIPPED, 0) if is_short else {})})  # type: ignore[misc]

    def _train_batch(self, iter_wrapper: Any, accumulation_steps: int) -> float:  # noqa: ARG002
        self.model.train()
        self.optimizer.zero_grad()
        loss = self._loss(*self._next_batch())
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        if self.is_pretrained:
            self.objective.after_optimizer_step(int(self.objective.step) + 1, None)
        return loss.item()

    def _next_batch(self) -> tuple[Any, Any]:
        batch = next(self.batches, None)
        if batch is None:
            self.batches = iter(self.loader)
            batch = next(self.batches, None)
        if batch is None:
            raise UserError("the training files do not fill one batch: lower --batch-size")
        return batch[0], batch[1]

    def _loss(self, groups: Any, labels: Any) -> Tensor:
        output = self.model(*to_device(groups, self.input_names, self.device))
        if self.is_pretrained:
            total: Tensor = self.criterion(output).total
            return total
        if isinstance(self.objective, JetRegressor):
            of_numbers: Tensor = self.criterion(output, *truth(self.objective, labels, self.device)).total
            return of_numbers
        loss: Tensor = self.criterion(output, labels[self.label_names[0]].long().to(self.device))
        return loss
