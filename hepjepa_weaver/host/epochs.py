"""Work around each epoch of any training: checks of input files, results written to `_metrics.jsonl`."""

import time
from collections.abc import Callable, Mapping
from functools import partial
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
from hepjepa_weaver.host.prepared_loaders import (
    finished_test,
    num_classes_of,
    numbers_of,
    prepare_test,
    prepare_training,
    prepare_validation,
)
from hepjepa_weaver.host.probe_watch import warn_of_standstill
from hepjepa_weaver.host.scalar_recorder import ScalarRecorder
from hepjepa_weaver.host.unreadable import nothing_given, report_skipped
from hepjepa_weaver.runtime.ranks import go_on_alone, rank
from hepjepa_weaver.weaver_api.log import logger


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
        return finished_test(result, test_loader, command_line, labels_known=bool(num_classes_of(model)))
    report_skipped(test_loader, "val")
    if epoch is None:
        return result
    _with_metrics_file(command_line, write_validation, epoch, recorder.scalars, float(result))
    _with_metrics_file(command_line, warn_of_standstill, epoch)
    return as_weaver_compares(float(result), epoch, command_line)


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
