"""Weaver's optimiser and schedule, resumed exactly."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.fine_tuning import FineTuned
from hepjepa_weaver.training.checkpoints import check_epoch
from hepjepa_weaver.training.layer_rates import factor_of, set_factors
from hepjepa_weaver.weaver_api.command import STEPWISE_SCHEDULES, load_checkpoint, new_optimiser, updates_per_step
from hepjepa_weaver.weaver_api.training import unwrap_model


def init_opt(args: Any, model: Any, **optimizer_options: Any) -> tuple[Any, Any]:
    """Return optimiser and schedule as weaver's `init_opt`, with the corrections of `make_optimizer`."""
    return make_optimizer(args, model, optimizer_options)


def init_finetuning_opt(args: Any, model: Any, **optimizer_options: Any) -> tuple[Any, Any]:
    """Return optimiser and schedule as `init_opt` does, with the learning rates by depth of a fine-tuned network."""
    network: FineTuned = unwrap_model(model)
    factor = partial(factor_of, head_names=network.head_names(), num_blocks=network.num_blocks, config=network.tuning)
    return make_optimizer(
        args, model, optimizer_options, lambda opt, scheduler: set_factors(opt, scheduler, network, factor)
    )


def make_optimizer(
    args: Any, model: Any, optimizer_options: dict[str, Any], regroup: Callable[[Any, Any], None] | None = None
) -> tuple[Any, Any]:
    """Return optimiser and schedule as weaver's `init_opt`, with two differences.

    Only parameters that need a gradient are handed over, as weaver does when a weight decay is given. Otherwise
    Ranger's lookahead would write to the target encoder.

    With `--load-epoch` the schedule goes on where it stopped. Weaver 0.5.3 applies a decay twice, and is an epoch late
    with per-step schedules.

    Args:
        args: weaver's parsed command line.
        model: the network.
        optimizer_options: options given with `-p`.
        regroup: called with optimiser and schedule before a checkpoint is loaded into them.

    Raises:
        UserError: the optimiser or an option is unknown, or a schedule by steps lacks their number. Also if a
            checkpoint is not whole or belongs to another optimiser.
    """
    if args.lr_scheduler in STEPWISE_SCHEDULES and args.steps_per_epoch is None:
        raise UserError(f"--lr-scheduler {args.lr_scheduler} needs --steps-per-epoch or --samples-per-epoch")
    fresh = copy.copy(args)
    fresh.load_epoch = None
    try:
        opt, scheduler = new_optimiser(fresh, model, **{"weight_decay": 0.0, **optimizer_options})
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f"--optimizer {args.optimizer} with options {optimizer_options}: {error}") from error
    if regroup is not None:
        regroup(opt, scheduler)
    if args.load_epoch is not None:
        check_epoch(args.model_prefix, args.load_epoch)
        try:
            load_checkpoint(args, model, opt)
        except ValueError as error:  # torch raises it if the groups of learning rates differ
            raise UserError(
                f"--load-epoch {args.load_epoch}: {error}; go on with --optimizer and -o options of that run"
            ) from error
        if scheduler is not None:
            per_step = updates_per_step(scheduler, args.lr_scheduler)
            fast_forward(scheduler, opt, (args.load_epoch + 1) * (args.steps_per_epoch if per_step else 1))
    return opt, scheduler


def fast_forward(scheduler: Any, opt: Any, steps: int) -> None:
    """Set `scheduler` to its state after `steps` steps, with the learning rates that `opt` was loaded with."""
    scheduler.last_epoch = steps
    scheduler._step_count = steps + 1
    scheduler._last_lr = [group["lr"] for group in opt.param_groups]
