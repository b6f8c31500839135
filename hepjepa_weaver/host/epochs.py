"""Work around each epoch of any training: checks of input files, results written to `_metrics.jsonl`."""

import time
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from hepjepa_weaver.common.epoch_metrics import (
    EpochMetrics,
    metrics_path,
    read_epochs,
    write_training,
    write_validation,
)
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.input_files import check_data_arguments
from hepjepa_weaver.host.loaders import CountedJets, OwnedColumns
from hepjepa_weaver.host.unreadable import leave_out_unreadable, report_skipped, require_readable
from hepjepa_weaver.runtime.ranks import go_on_alone, rank
from hepjepa_weaver.weaver_api import logger

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


def train_epoch(
    loop: Callable[..., Any],
    check: Callable[[Any, Any], object],
    model: Any,
    loss_func: Any,
    opt: Any,
    scheduler: Any,
    train_loader: Any,
    dev: Any,
    epoch: int,
    steps_per_epoch: int | None = None,
    tb_helper: Any = None,
    *,
    extra_args: Mapping[str, Any],
    **kwargs: Any,
) -> Any:
    """Train an epoch as weaver calls it, with a `loop` that has the signature of weaver's.

    `check` looks at network and command line first, before any file is opened.

    Raises:
        UserError: no input file can be read, or the loop raises it.
    """
    args = extra_args["args"]
    check(model, args)
    check_data_arguments(args)
    _check_metrics_file(args)
    leave_out_unreadable(train_loader, args.data_train)
    recorder, jets, start = ScalarRecorder(tb_helper), CountedJets(train_loader), time.monotonic()
    result = loop(
        model, loss_func, opt, scheduler, jets, dev, epoch, steps_per_epoch, tb_helper=recorder,
        extra_args=extra_args, **kwargs,
    )  # fmt: skip
    report_skipped(train_loader, "training")
    done = EpochMetrics(epoch, jets.num_jets, round(time.monotonic() - start, 3), recorder.scalars)
    _write(args, write_training, done)
    return result


def evaluate(
    loop: Callable[..., Any],
    model: Any,
    test_loader: Any,
    dev: Any,
    epoch: int | None,
    *args: Any,
    for_training: bool = True,
    tb_helper: Any = None,
    extra_args: Mapping[str, Any],
    **kwargs: Any,
) -> Any:
    """Validate or test as weaver calls it, with a `loop` that has the signature of weaver's.

    Raises:
        UserError: no validation file can be read, a test file cannot be read, or the loop raises it.
    """
    command_line = extra_args["args"]
    check_data_arguments(command_line)
    if for_training:
        leave_out_unreadable(test_loader, command_line.data_val or command_line.data_train)
    else:
        require_readable(test_loader)
        go_on_alone()
    recorder, jets = ScalarRecorder(tb_helper), OwnedColumns(test_loader)
    result = loop(
        model, jets, dev, epoch, *args, for_training=for_training, tb_helper=recorder, extra_args=extra_args,
        **kwargs,
    )  # fmt: skip
    if for_training and epoch is not None:
        report_skipped(test_loader, "validation")
        _write(command_line, write_validation, epoch, recorder.scalars, float(result))
    return result


def _check_metrics_file(args: Any) -> None:
    """Raise a UserError for a damaged metrics file before anything is trained, and not after."""
    path = metrics_path(args.model_prefix)
    if args.model_prefix and path.is_file():
        read_epochs(path)


def _write(args: Any, write: Callable[..., None], *values: Any) -> None:
    """Write to the metrics file of a run, on rank 0; a failure is a warning, so that weaver still saves the weights."""
    if rank() != 0 or not args.model_prefix:
        return
    path = metrics_path(args.model_prefix)
    try:
        write(path, *values)
    except (OSError, UserError) as error:
        logger.warning("%s is not written (%s): look for space and permissions", path, error)
