"""Every name that this package takes from weaver, in one place.

The module is written for weaver-core 0.5.3 (`TESTED`). A private contact uses a name that weaver does not promise. This
is a name with a leading underscore, an attribute set on foreign objects, or an internal of a function. Each private
contact has a function here. The function raises `WeaverChanged` if a newer weaver no longer has the name.
`tests/unit/test_weaver_contract.py` tests each contact. `host.weaver_patches` lists what is replaced inside weaver.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import weaver.train
from torch import Tensor
from weaver.nn.model.ParticleNet import ParticleNet
from weaver.nn.model.ParticleTransformer import Block, PairEmbed, ParticleTransformer, delta_phi
from weaver.utils import dataset
from weaver.utils.data import fileio, preprocess
from weaver.utils.data.config import DataConfig
from weaver.utils.data.tools import _concat as join_columns
from weaver.utils.import_tools import import_module
from weaver.utils.logger import _logger as logger
from weaver.utils.nn import tools
from weaver.utils.nn.tools import (
    AllGather,
    evaluate_classification,
    get_autocast_config,
    train_classification,
    unwrap_model,
)

from hepjepa_weaver.common.errors import UserError

TESTED = "0.5.3"
"""The version of weaver-core that every private contact was tried with."""

__all__ = [
    "AllGather",
    "Block",
    "DataConfig",
    "PairEmbed",
    "ParticleNet",
    "ParticleTransformer",
    "add_new_variables",
    "add_observers",
    "add_training_variables",
    "class_token",
    "clip_limit",
    "command_line_parser",
    "dataset",
    "delta_phi",
    "evaluate_classification",
    "evaluated",
    "file_lists",
    "fileio",
    "files_of",
    "get_autocast_config",
    "import_module",
    "join_columns",
    "load_checkpoint",
    "logger",
    "new_optimiser",
    "preprocess",
    "read_in_passes",
    "replace_function",
    "running_command",
    "selected",
    "set_file_lists",
    "set_sampler_option",
    "standardised_inputs",
    "tools",
    "train_classification",
    "unwrap_model",
    "updates_per_step",
]


class WeaverChanged(RuntimeError):
    """Weaver no longer has something that this package relies on."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"weaver-core {version('weaver-core')} {what}; hepjepa_weaver is made for {TESTED}: "
            f"pip install 'weaver-core=={TESTED}'"
        )


# --- command line and optimiser (weaver/train.py) ---


def command_line_parser() -> Any:
    """Return the argument parser of the `weaver` command."""
    return weaver.train.parser


def running_command() -> Any:
    """Return the command line of the `weaver` command that is running, complete with defaults; None outside of one.

    Private: the argument `args` of weaver's `_main`, which calls every hook.

    Raises:
        WeaverChanged: `_main` has no such argument.
    """
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code is weaver.train._main.__code__ or _is_main_script(frame):
            if "args" not in frame.f_locals:
                raise WeaverChanged("keeps its command line elsewhere than in `args` of weaver.train._main")
            return frame.f_locals["args"]
        frame = frame.f_back
    return None


def _is_main_script(frame: Any) -> bool:
    """Tell whether a frame is `_main` of `python -m weaver.train`, which is another module than the imported one."""
    return (
        frame.f_code.co_name == "_main"
        and frame.f_globals.get("__spec__", None) is not None
        and (frame.f_globals["__spec__"].name == "weaver.train")
    )


def new_optimiser(args: Any, model: Any, **options: Any) -> tuple[Any, Any]:
    """Return optimiser and schedule as weaver makes them from its command line."""
    opt, scheduler = weaver.train.init_opt(args, model, **options)
    return opt, scheduler


def load_checkpoint(args: Any, model: Any, opt: Any) -> None:
    """Load weights and optimiser state of `--load-epoch`."""
    weaver.train.load_checkpoint(args, model, opt)


def clip_limit(opt: Any) -> float:
    """Return the largest gradient norm, as set with `-p clip_grad_norm`; infinity if the option is not given.

    Private: weaver's `init_opt` writes the limit to the optimiser as `_clip_grad_norm` in every run.

    Raises:
        WeaverChanged: the optimiser has no such attribute.
        UserError: the limit is no number.
    """
    if not hasattr(opt, "_clip_grad_norm"):
        raise WeaverChanged("sets no `_clip_grad_norm` on its optimisers, so that gradients would not be clipped")
    if not isinstance(opt._clip_grad_norm, (int, float)):
        raise UserError(f"-p clip_grad_norm is {opt._clip_grad_norm!r}, but must be a number")
    return float(opt._clip_grad_norm)


STEPWISE_SCHEDULES = ("flat+linear", "flat+cos", "warmup+cos", "one-cycle")
"""Values of `--lr-scheduler` that count optimiser steps."""
EPOCHWISE_SCHEDULES = ("none", "steps", "flat+decay")
"""Values of `--lr-scheduler` that count epochs."""


def updates_per_step(scheduler: Any, name: str) -> bool:
    """Tell whether a schedule is updated after every step, not after every epoch; False without a schedule.

    Private: weaver's `init_opt` marks stepwise schedules, and no others, with `_update_per_step`.

    Args:
        scheduler: the schedule, or None.
        name: the value of `--lr-scheduler`.

    Raises:
        WeaverChanged: the name is unknown here, or the mark is not the expected one.
    """
    if name not in (*STEPWISE_SCHEDULES, *EPOCHWISE_SCHEDULES):
        raise WeaverChanged(f"has a --lr-scheduler {name}, of which this package does not know when it goes on")
    is_marked = bool(getattr(scheduler, "_update_per_step", False))
    if scheduler is not None and is_marked != (name in STEPWISE_SCHEDULES):
        raise WeaverChanged(f"marks --lr-scheduler {name} as going on every {'step' if is_marked else 'epoch'}")
    return is_marked


# --- files and loaders (weaver/utils/dataset.py, weaver/utils/data/fileio.py) ---


def file_lists(loader: Any) -> Mapping[str, list[str]]:
    """Return the files of a weaver loader, by group.

    Private: `_init_file_dict` of the loader's dataset.

    Raises:
        WeaverChanged: the dataset has no such mapping.
    """
    lists = getattr(loader.dataset, "_init_file_dict", None)
    if not isinstance(lists, Mapping):
        raise WeaverChanged("keeps the files of a loader elsewhere than in `_init_file_dict` of its dataset")
    return lists


def files_of(loader: Any) -> list[str]:
    """Return the files of a weaver loader, group by group."""
    return [path for paths in file_lists(loader).values() for path in paths]


def set_file_lists(loader: Any, lists: Mapping[str, Sequence[str]]) -> None:
    """Replace the files of a weaver loader, before its first batch."""
    file_lists(loader)
    loader.dataset._init_file_dict = {group: list(paths) for group, paths in lists.items()}


READERS = {".root": "_read_root", ".parquet": "_read_parquet", ".h5": "_read_hdf5", ".awkd": "_read_awkd"}
"""Private: weaver's functions in `fileio` that read a file, by file ending."""


def reader(ending: str) -> Callable[..., Any]:
    """Return weaver's function that reads files of this ending.

    Raises:
        WeaverChanged: `fileio` has no such function.
    """
    found: Callable[..., Any] | None = getattr(fileio, READERS[ending], None)
    if found is None:
        raise WeaverChanged(f"has no {READERS[ending]} to read {ending} files with")
    return found


SAMPLER = "_sampler_options"
"""Private: options of a loader's dataset that reach weaver's reading of jets."""


def set_sampler_option(loader: Any, name: str, value: Any) -> None:
    """Set an option that reaches weaver's `_load_next` and `_preprocess`, before the first batch.

    Raises:
        WeaverChanged: the dataset has no such options.
    """
    options = getattr(loader.dataset, SAMPLER, None)
    if not isinstance(options, dict) or "reweight" not in options:
        raise WeaverChanged(f"has no {SAMPLER} with `reweight` in a loader's dataset")
    options[name] = value


def read_in_passes(loader: Any) -> None:
    """Have a loader give each jet at most once an epoch, before its first batch.

    Private: `_infinity_mode`, `_in_memory` and `_iters` of the loader's dataset.

    Raises:
        WeaverChanged: the dataset lacks one of them.
    """
    for name, value in (("_infinity_mode", False), ("_in_memory", False), ("_iters", None)):
        if not hasattr(loader.dataset, name):
            raise WeaverChanged(f"has no {name} in a loader's dataset")
        setattr(loader.dataset, name, value)


def add_observers(loader: Any, names: Sequence[str]) -> None:
    """Have a loader of a test give further columns beside its jets, before its first batch.

    Nothing is added to a data config with `monitor_variables`, with which weaver allows no observers.
    """
    config = loader.dataset.config
    if config.monitor_variables:
        return
    more = [name for name in names if name not in config.observer_names]
    options = {**config.options, "observers": [*config.observer_names, *more]}
    loader.dataset._data_config = DataConfig(print_info=False, **options)


def replace_function(module: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put another function, or class, in the place of one of weaver's; once a process.

    Args:
        module: module of weaver that looks the function up by its name.
        name: the function.
        make: makes the substitute from weaver's own.

    Raises:
        WeaverChanged: there is no such function.
    """
    present = _private(module, name)
    if not hasattr(present, "takes_the_place_of"):
        substitute = make(present)
        substitute.takes_the_place_of = present
        setattr(module, name, substitute)


# --- from a file to a network's inputs (weaver/utils/data/preprocess.py, weaver/utils/dataset.py) ---


def evaluated(expression: str, table: Any) -> Any:
    """Return the value of an expression of a data config for a table of jets.

    Private: `_eval_expr` of `preprocess`.
    """
    return _private(preprocess, "_eval_expr")(expression, table)


def selected(table: Any, data_config: Any) -> Any:
    """Return the jets that pass the selection of tests.

    Private: `_apply_selection` of `preprocess`.
    """
    choose = _private(preprocess, "_apply_selection")
    return choose(table, data_config.test_time_selection, funcs=data_config.var_funcs)


def selected_for_training(table: Any, data_config: Any) -> Any:
    """Return the jets that pass the selection of training.

    Private: `_apply_selection` of `preprocess`.
    """
    return _private(preprocess, "_apply_selection")(table, data_config.selection, funcs=data_config.var_funcs)


def add_new_variables(table: Any, data_config: Any) -> Any:
    """Add the data config's new variables, as for a test.

    Private: `_build_new_variables` of `preprocess`.
    """
    return _private(preprocess, "_build_new_variables")(table, data_config.test_var_funcs)


def add_training_variables(table: Any, data_config: Any) -> Any:
    """Add the data config's new variables, as for a training.

    Private: `_build_new_variables` of `preprocess`.
    """
    return _private(preprocess, "_build_new_variables")(table, data_config.train_var_funcs)


def standardised_inputs(table: Any, data_config: Any) -> list[Any]:
    """Standardise, clip and pad the inputs: arrays (N, C, P) in the order of the data config.

    Private: `_finalize_inputs` of `dataset`, which gives the input `name` as `_name`.
    """
    columns = _private(dataset, "_finalize_inputs")(table, data_config)
    return [columns[f"_{name}"] for name in data_config.input_names]


def _private(module: Any, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] | None = getattr(module, name, None)
    if found is None:
        raise WeaverChanged(f"has no {name} in {module.__name__}")
    return found


# --- ParticleTransformer (weaver/nn/model/ParticleTransformer.py) ---


def class_token(mod: Any, tokens: Tensor, is_padding: Tensor) -> Tensor:
    """Return ParT's class token (N, D) after class blocks and final norm, from tokens (N, P, D).

    Private: `_forward_aggregator` of weaver's ParticleTransformer.
    """
    latent: Tensor = mod._forward_aggregator(tokens, is_padding)
    return latent
