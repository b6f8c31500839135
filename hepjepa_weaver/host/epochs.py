"""Work around each epoch of any training: checks of input files, results written to `_metrics.jsonl`."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
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
from hepjepa_weaver.host.best_epoch import as_weaver_compares
from hepjepa_weaver.host.first_look import FirstLook
from hepjepa_weaver.host.input_files import check_data_arguments
from hepjepa_weaver.host.loaders import CountedJets, OwnedColumns
from hepjepa_weaver.host.predictions import in_file_order
from hepjepa_weaver.host.probe_watch import warn_of_standstill
from hepjepa_weaver.host.reading import ADDED, NUM_CLASSES, NUMBERS
from hepjepa_weaver.host.unreadable import (
    leave_out_unreadable,
    nothing_given,
    report_changes,
    report_skipped,
    require_readable,
)
from hepjepa_weaver.model.made_with import MadeWith
from hepjepa_weaver.model.regressor import JetRegressor
from hepjepa_weaver.objectives.base import SelfSupervised
from hepjepa_weaver.runtime.ranks import go_on_alone, rank
from hepjepa_weaver.weaver_api import (
    add_observers,
    files_of,
    logger,
    read_in_passes,
    set_sampler_option,
    unwrap_model,
)

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
    on_odd: str = "warn",
    **kwargs: Any,
) -> Any:
    """Train an epoch as weaver calls it, with a `loop` that has the signature of weaver's.

    `check` looks at network and command line first, before any file is opened. `on_odd` says what to do about inputs
    that are odd: "warn" or "error".

    Raises:
        UserError: no input file can be read, or the loop raises it.
    """
    args = extra_args["args"]
    check(model, args)
    check_data_arguments(args)
    _check_metrics_file(args)
    prepare_training(train_loader, args.data_train, model)
    nothing = partial(nothing_given, train_loader, "train", args.batch_size)
    recorder, start = ScalarRecorder(tb_helper), time.monotonic()
    jets = CountedJets(FirstLook(train_loader, on_odd), nothing)
    result = loop(
        model, loss_func, opt, scheduler, jets, dev, epoch, steps_per_epoch, tb_helper=recorder,
        extra_args=extra_args, **kwargs,
    )  # fmt: skip
    report_skipped(train_loader, "train")
    done = EpochMetrics(epoch, jets.num_jets, round(time.monotonic() - start, 3), recorder.scalars)
    _with_metrics_file(args, write_training, done)
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
    on_odd: str = "warn",
    **kwargs: Any,
) -> Any:
    """Validate or test as weaver calls it, with a `loop` that has the signature of weaver's.

    Validation takes each jet at most once, whatever the weights of the data config are. A test gives the jets in the
    order of the files.

    Raises:
        UserError: no validation file can be read, a test file cannot be read, or the loop raises it.
    """
    command_line = extra_args["args"]
    check_data_arguments(command_line)
    if for_training:
        prepare_validation(test_loader, command_line, model)
    else:
        prepare_test(test_loader, numbers_of(model))
        go_on_alone()
    mode, size = ("val", command_line.batch_size_val) if for_training else ("test", command_line.batch_size_test)
    jets = CountedJets(OwnedColumns(FirstLook(test_loader, on_odd)), partial(nothing_given, test_loader, mode, size))
    recorder = ScalarRecorder(tb_helper)
    result = loop(
        model, jets, dev, epoch, *args, for_training=for_training, tb_helper=recorder, extra_args=extra_args,
        **kwargs,
    )  # fmt: skip
    if not for_training:
        return finished_test(result, test_loader, command_line, labels_known=bool(_num_classes(model)))
    report_skipped(test_loader, "val")
    if epoch is None:
        return result
    _with_metrics_file(command_line, write_validation, epoch, recorder.scalars, float(result))
    _with_metrics_file(command_line, warn_of_standstill, epoch)
    return as_weaver_compares(float(result), epoch, command_line)


def prepare_training(loader: Any, patterns: Sequence[str], model: Any) -> None:
    """Have a loader leave out unreadable files, and check labels if the network needs them."""
    leave_out_unreadable(loader, patterns, takes_unlabelled=_is_pretrained(model))
    set_sampler_option(loader, NUM_CLASSES, _num_classes(model) or None)
    set_sampler_option(loader, NUMBERS, numbers_of(model))


def prepare_validation(loader: Any, args: Any, model: Any) -> None:
    """Have a loader of validation give each readable jet at most once an epoch, without weights."""
    prepare_training(loader, args.data_val or args.data_train, model)
    read_in_passes(loader)
    set_sampler_option(loader, "reweight", False)


def prepare_test(loader: Any, numbers: Collection[str] = ()) -> None:
    """Check the files of a test, and have their jets come with file and entry.

    Args:
        loader: weaver's.
        numbers: labels that are numbers to regress.

    Raises:
        UserError: a file cannot be read.
    """
    require_readable(loader)
    set_sampler_option(loader, NUMBERS, numbers)
    add_observers(loader, ADDED)


def finished_test(result: Any, loader: Any, args: Any, labels_known: bool) -> Any:
    """Return what weaver writes of a test, in the order of the files; tell what was changed in its jets."""
    files = files_of(loader)
    report_changes(files, "test")
    as_text = not (args.predict_output or "").endswith(".root")
    return in_file_order(result, files, as_text, labels_known)


def numbers_of(model: Any) -> tuple[str, ...]:
    """Return the names of the labels that a network regresses."""
    network = unwrap_model(model)
    return network.targets.names if isinstance(network, JetRegressor) else ()


def _num_classes(model: Any) -> int | None:
    """Return the number of classes of a network; 0 for a regression, None for a network without labels."""
    described: MadeWith | None = getattr(unwrap_model(model), "made_with", None)
    return described.num_classes if described else None


def _is_pretrained(model: Any) -> bool:
    return isinstance(unwrap_model(model), SelfSupervised)


def _check_metrics_file(args: Any) -> None:
    """Raise a UserError for a damaged metrics file before anything is trained, and not after."""
    path = metrics_path(args.model_prefix)
    if args.model_prefix and path.is_file():
        read_epochs(path)


def _with_metrics_file(args: Any, work: Callable[..., None], *values: Any) -> None:
    """Write or read the metrics file of a run, on rank 0; a failure is a warning: weaver still saves the weights."""
    if rank() != 0 or not args.model_prefix:
        return
    path = metrics_path(args.model_prefix)
    try:
        work(path, *values)
    except (OSError, UserError) as error:
        logger.warning("%s is not written (%s): look for space and permissions", path, error)
