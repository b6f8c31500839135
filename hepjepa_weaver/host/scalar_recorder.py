"""Scalars of an epoch on their way to TensorBoard, kept for `_metrics.jsonl`."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

EPOCH = " (epoch)"
"""Ending of the tags of scalars that are written once per epoch, by weaver and by this package."""


class ScalarRecorder:
    """A substitute for weaver's TensorBoard helper that passes everything on and keeps the scalars of the epoch.

    Weaver's loops count steps on the helper and ask it for a `custom_fn`.
    """

    def __init__(self, helper: Any) -> None:
        self.scalars: dict[str, float] = {}
        self.tags: dict[str, str] = {}
        self.helper = helper or SimpleNamespace(global_step=0, batch_train_count=0, custom_fn=None, write_scalars=None)

    def write_scalars(self, scalars: Sequence[tuple[str, Any, int]]) -> None:
        """Keep and pass on scalars, given as (tag, value, step)."""
        for tag, value, _ in scalars:
            if tag.endswith(EPOCH):
                name = metric_name(tag)
                self.tags.setdefault(name, tag)
                self.scalars[name if self.tags[name] == tag else tag.removesuffix(EPOCH)] = float(value)
        if self.helper.write_scalars:
            self.helper.write_scalars(scalars)

    @property
    def global_step(self) -> int:
        """Number of training steps, for the tags of weaver's scalars."""
        return int(self.helper.global_step)

    @global_step.setter
    def global_step(self, step: int) -> None:
        self.helper.global_step = step

    @property
    def batch_train_count(self) -> int:
        """Number of training batches, which weaver's loops count."""
        return int(self.helper.batch_train_count)

    @batch_train_count.setter
    def batch_train_count(self, count: int) -> None:
        self.helper.batch_train_count = count

    @property
    def custom_fn(self) -> Any:
        """Function of the user that weaver's loops call for each batch; None if there is none."""
        return self.helper.custom_fn


def metric_name(tag: str) -> str:
    """Return the name in `_metrics.jsonl` of a scalar, from its tag.

    `Loss/total/train (epoch)` and `Loss/train (epoch)` give `loss`, `Loss/event/eval (epoch)` gives `event`, and
    `Acc/eval (epoch)` gives `accuracy`.
    """
    kind, *name = tag.removesuffix(EPOCH).split("/")[:-1]
    inner = "/".join(name)
    if kind == "Loss":
        return "loss" if inner in ("", "total") else inner
    return inner or {"Acc": "accuracy"}.get(kind, kind)
