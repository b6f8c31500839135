"""Weaver's optimiser and schedule, resumed exactly."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.classifier import JetClassifier
from hepjepa_weaver.training.checkpoints import check_epoch
from hepjepa_weaver.training.layer_rates import factor_of, set_factors
from hepjepa_weaver.weaver_api import (
    STEPWISE_SCHEDULES,
    load_checkpoint,
    new_optimiser,
    unwrap_model,
    updates_per_step,
)


def init_opt(args: Any, model: Any, **optimizer_options: Any) -> tuple[Any, Any]:
    """Weaver's `init_opt` as `make_optimizer` mends it."""
    return make_optimizer(args, model, optimizer_options)


def init_finetuning_opt(args: Any, model: Any, **optimizer_options: Any) -> tuple[Any, Any]:
    """The same with the learning rates by depth of a `JetClassifier`."""
    network: JetClassifier = unwrap_model(model)
    factor = partial(
        factor_of, head_names=network.head_names(), num_blocks=len(network.mod.blocks), config=network.tuning
    )
    return make_optimizer(
        args, model, optimizer_options, lambda opt, scheduler: set_factors(opt, scheduler, network, factor)
    )


def make_optimizer(
    args: Any, model: Any, optimizer_options: dict[str, Any], regroup: Callable[[Any, Any], None] | None = None
) -> tuple[Any, Any]:
    """Weaver's `init_opt` with two differences.

    Only parameters that need a gradient are handed over (weaver does so where a weight decay is given): Ranger's
    lookahead would write to the target encoder otherwise. And with `--load-epoch` the schedule goes on where it
    stopped: weaver 0.5.3 multiplies a decay in twice, and is an epoch late with per-step schedules.

    Args:
        regroup: called with optimiser and schedule before a checkpoint is loaded into them.

    Raises:
        UserError: an unknown optimiser or option, a schedule by steps without their number, or a checkpoint that is not
            whole or of another optimiser.
    """
    if args.lr_scheduler in STEPWISE_SCHEDULES and args.steps_per_epoch is None:
        raise UserError(f"--lr-scheduler {args.lr_scheduler} needs --steps-per-epoch or --samples-per-epoch")
    fresh = copy.copy(args)
    fresh.load_epoch = None
    try:
        opt, scheduler = new_optimiser(fresh, model, **{"weight_decay": 0.0, **optimizer_options})
    except (TypeError, AttributeError) as error:
        raise UserError(f"--optimizer {args.optimizer} with options {optimizer_options}: {error}") from error
    if regroup is not None:
        regroup(opt, scheduler)
    if args.load_epoch is not None:
        check_epoch(args.model_prefix, args.load_epoch)
        try:
            load_checkpoint(args, model, opt)
        except ValueError as error:  # of torch, where the groups of learning rates differ
            raise UserError(
                f"--load-epoch {args.load_epoch}: {error}; go on with --optimizer and -o options of that run"
            ) from error
        if scheduler is not None:
            per_step = updates_per_step(scheduler, args.lr_scheduler)
            fast_forward(scheduler, opt, (args.load_epoch + 1) * (args.steps_per_epoch if per_step else 1))
    return opt, scheduler


def fast_forward(scheduler: Any, opt: Any, steps: int) -> None:
    """Set `scheduler` to where it was after `steps` steps, with the learning rates that `opt` was loaded with."""
    scheduler.last_epoch = steps
    scheduler._step_count = steps + 1
    scheduler._last_lr = [group["lr"] for group in opt.param_groups]
