"""What every network config needs at the border to weaver."""

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar

import weaver.train
from torch import nn
from weaver.utils.nn import tools
from weaver.utils.nn.tools import evaluate_classification, train_classification, unwrap_model

from hepjepa_weaver.common.typed_values import value_or_word
from hepjepa_weaver.config import PretrainingConfig
from hepjepa_weaver.config.options import config_from_options, require
from hepjepa_weaver.host.explain import show_user_errors_in_one_line
from hepjepa_weaver.host.input_files import check_data_arguments
from hepjepa_weaver.host.owned_columns import OwnedColumns
from hepjepa_weaver.host.unreadable import (
    FAILED_READS,
    leave_out_unreadable,
    report_skipped,
    require_readable,
)
from hepjepa_weaver.model.classifier import JetClassifier
from hepjepa_weaver.runtime.ranks import InStep, go_on_alone
from hepjepa_weaver.training import loop, validation

P = ParamSpec("P")
R = TypeVar("R")


def weaver_hook(hook: Callable[P, R]) -> Callable[P, R]:
    """Keep weaver from mistaking an AttributeError inside `hook` for a missing hook: it would go on with its
    default loss, loop or optimiser without a word."""

    @functools.wraps(hook)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return hook(*args, **kwargs)
        except AttributeError as error:
            raise RuntimeError(f"error in the network config's {hook.__name__}: {error}") from error

    return wrapped


def model_info(data_config: Any, *output_names: str) -> dict[str, Any]:
    """The second value of `get_model`: names and shapes for weaver's FLOP count and ONNX export."""
    names = list(data_config.input_names)
    axes = {name: {0: "N", 2: "n_" + name.split("_")[0]} for name in names}
    return {
        "input_names": names,
        "input_shapes": {name: (1, *shape[1:]) for name, shape in data_config.input_shapes.items()},
        "output_names": list(output_names),
        "dynamic_axes": {**axes, **{name: {0: "N"} for name in output_names}},
    }


@weaver_hook
def get_classification_loss(data_config: Any, **options: Any) -> nn.Module:
    """Cross entropy, as in the particle_transformer repository."""
    return nn.CrossEntropyLoss()


@weaver_hook
def get_classification_train_fn(data_config: Any, **options: Any) -> Callable[..., Any]:
    """Weaver's classification loop, after a look at the input files."""
    return train_checked


@weaver_hook
def get_classification_evaluate_fn(data_config: Any, **options: Any) -> Callable[..., Any]:
    """Weaver's classification evaluation, after a look at the input files."""
    return evaluate_checked


def pretraining_functions(config_type: type[PretrainingConfig]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`get_train_fn` and `get_evaluate_fn` of an objective with these options."""

    @weaver_hook
    def get_train_fn(data_config: Any, **options: Any) -> Callable[..., Any]:
        monitor = config_from_options(config_type, options).monitor
        return functools.partial(loop.train_epoch, log_every=monitor.log_every)

    @weaver_hook
    def get_evaluate_fn(data_config: Any, **options: Any) -> Callable[..., Any]:
        monitor = config_from_options(config_type, options).monitor
        return functools.partial(validation.evaluate, probe_jets=monitor.probe_jets)

    return get_train_fn, get_evaluate_fn


def train_checked(
    model: Any,
    loss_func: Any,
    opt: Any,
    scheduler: Any,
    train_loader: Any,
    dev: Any,
    epoch: int,
    steps_per_epoch: int | None = None,
    *,
    extra_args: Any,
    **kwargs: Any,
) -> Any:
    """An epoch of weaver's `train_classification`."""
    args = extra_args["args"]
    network = checked_network(model, args)
    leave_out_unreadable(train_loader, args.data_train)
    if isinstance(network, JetClassifier):
        is_parallel = isinstance(model, nn.parallel.DistributedDataParallel)
        changes = network.tuning.head_epochs > 0
        require(not (is_parallel and changes), "head_epochs", network.tuning.head_epochs, "0 with several processes")
        network.start_epoch(epoch)
    jets = InStep(train_loader, dev) if steps_per_epoch is None else train_loader
    result = train_classification(
        model, loss_func, opt, scheduler, jets, dev, epoch, steps_per_epoch, extra_args=extra_args, **kwargs
    )
    report_skipped(train_loader, "training")
    return result


def evaluate_checked(
    model: Any,
    test_loader: Any,
    dev: Any,
    *args: Any,
    extra_args: Any,
    for_training: bool = True,
    steps_per_epoch: int | None = None,
    **kwargs: Any,
) -> Any:
    """Weaver's `evaluate_classification`."""
    command_line = extra_args["args"]
    checked_network(model, command_line)
    if for_training:
        leave_out_unreadable(test_loader, command_line.data_val or command_line.data_train)
    else:
        require_readable(test_loader)
        go_on_alone()
    in_step = for_training and steps_per_epoch is None
    jets = OwnedColumns(InStep(test_loader, dev) if in_step else test_loader)
    result = evaluate_classification(
        model, jets, dev, *args, for_training=for_training, steps_per_epoch=steps_per_epoch, extra_args=extra_args,
        **kwargs,
    )  # fmt: skip
    if for_training:
        report_skipped(test_loader, "validation")
    return result


def check_before_onnx(evaluate_onnx: Callable[..., Any]) -> Callable[..., Any]:
    """Weaver's evaluation of an ONNX file, for which it asks no network config, after a look at the test files."""

    @functools.wraps(evaluate_onnx)
    def checked(model_path: str, test_loader: Any, *args: Any, **kwargs: Any) -> Any:
        command_line, _ = weaver.train.parser.parse_known_args()
        check_data_arguments(command_line)
        require_readable(test_loader)
        return evaluate_onnx(model_path, test_loader, *args, **kwargs)

    return checked


def checked_network(model: Any, args: Any) -> Any:
    """The bare network, after a look at the input files and at its weights."""
    check_data_arguments(args)
    network = unwrap_model(model)
    if isinstance(network, JetClassifier):
        network.check_ready()
    return network


def prepare_weaver() -> None:
    """What a network config does to weaver when it is loaded."""
    show_user_errors_in_one_line()
    FAILED_READS.watch()
    if not hasattr(tools.evaluate_onnx, "__wrapped__"):
        tools.evaluate_onnx = check_before_onnx(tools.evaluate_onnx)
    take_words_as_they_are()


def take_words_as_they_are() -> None:
    """Let weaver take `-o preset paper`: a word in the value of an option that is no Python value is meant as text.
    Weaver reads options after it has loaded the network config."""
    weaver.train.ast = SimpleNamespace(literal_eval=value_or_word)
