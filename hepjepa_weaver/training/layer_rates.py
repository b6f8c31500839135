"""Learning rates by depth for weaver's optimiser and schedule, which know one rate for all parameters.

The schedule stays as it is. Around each step of the optimiser, the rate of every group is multiplied by its factor.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import TuningConfig

BLOCK = re.compile(r"(?:mod|id_encoder)\.blocks\.(\d+)\.")
FACTOR, SCHEDULED = "lr_factor", "scheduled_lr"


def factor_of(name: str, head_names: set[str], num_blocks: int, config: TuningConfig) -> float:
    """Return the factor of the learning rate of the parameter `name`.

    It is 1 for the head, and `encoder_lr` for the last block and all parts above the blocks. It falls by `layer_decay`
    from each block to the one below, and from the lowest block to the embeddings.
    """
    if name in head_names:
        return 1.0
    block = BLOCK.match(name)
    above = name.startswith(("mod.cls_", "mod.norm."))
    depth = 0 if above else num_blocks - 1 - int(block[1]) if block else num_blocks
    return config.encoder_lr * config.layer_decay**depth


def set_factors(opt: Any, scheduler: Any, model: nn.Module, factor: Callable[[str], float]) -> None:
    """Multiply the learning rate of every parameter of `model` by `factor` of its name.

    Raises:
        UserError: a factor is not 1, and the optimiser is weaver's Ranger, which has no rates by group.
    """
    if all(factor(name) == 1 for name, _ in model.named_parameters()):
        return
    if not isinstance(opt, torch.optim.Optimizer) or not hasattr(opt, "_optimizer_step_pre_hooks"):
        raise UserError("-o encoder_lr and -o layer_decay do not work with Ranger: use --optimizer AdamW")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups, origins = [], []
    for origin, group in enumerate(opt.param_groups):
        by_factor: dict[float, list[Any]] = {}
        for parameter in group["params"]:
            by_factor.setdefault(factor(names[id(parameter)]), []).append(parameter)
        for value, parameters in by_factor.items() or [(1.0, [])]:
            groups.append({**group, "params": parameters, FACTOR: value})
            origins.append(origin)
    opt.param_groups[:] = groups
    for per_group in ("base_lrs", "lr_lambdas", "_last_lr"):
        if hasattr(scheduler, per_group):
            setattr(scheduler, per_group, [getattr(scheduler, per_group)[origin] for origin in origins])
    opt.register_load_state_dict_post_hook(partial(put_factors, factors=[group[FACTOR] for group in groups]))
    opt.register_step_pre_hook(multiply_rates)
    opt.register_step_post_hook(restore_rates)


def put_factors(opt: Any, factors: list[float]) -> None:
    """Give a resumed run the factors of its own options, not those of its checkpoint."""
    for group, value in zip(opt.param_groups, factors, strict=True):
        group[FACTOR] = value


def multiply_rates(opt: Any, *_: Any) -> None:
    """Multiply the rate of every group by its factor."""
    for group in opt.param_groups:
        group[SCHEDULED] = group["lr"]
        group["lr"] = group["lr"] * group[FACTOR]


def restore_rates(opt: Any, *_: Any) -> None:
    """Set the rate of every group back to that of the schedule."""
    for group in opt.param_groups:
        group["lr"] = group.pop(SCHEDULED)
