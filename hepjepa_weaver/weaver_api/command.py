"""Weaver's command line, and the optimiser that it makes from it (`weaver/train.py`)."""

import sys
from typing import Any

import weaver.train

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.weaver_api.changed import WeaverChanged


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
