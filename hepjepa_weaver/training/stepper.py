"""The optimiser steps of one epoch: forward pass, loss, backward pass, clipped gradients, schedule."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.training.finite import FiniteWatch
from hepjepa_weaver.weaver_api.command import clip_limit, updates_per_step
from hepjepa_weaver.weaver_api.training import get_autocast_config


class Stepper:
    """Steps of one network in one epoch.

    Args:
        model: the network, which may be wrapped in DDP or torch.compile.
        opt: its optimiser.
        scheduler: schedule of the learning rate; None for none.
        grad_scaler: scaler for fp16; None for none.
        args: weaver's parsed command line.
    """

    def __init__(self, model: Any, opt: Any, scheduler: Any, grad_scaler: Any, args: Any) -> None:
        self.model, self.opt, self.scheduler, self.grad_scaler = model, opt, scheduler, grad_scaler
        self.per_step = updates_per_step(scheduler, args.lr_scheduler)
        self.autocast, self.dtype = get_autocast_config(args)
        self.watch = FiniteWatch()

    def step(
        self, inputs: Sequence[Tensor], loss: Callable[[Any], LossTerms], step: int
    ) -> tuple[Any, LossTerms, Tensor]:
        """Do step number `step`; return the network's output, its losses, and the norm of the gradient.

        Raises:
            UserError: on a CPU, loss or gradient is not finite (`FiniteWatch`).
        """
        self.opt.zero_grad()
        with torch.autocast("cuda", enabled=self.autocast, dtype=self.dtype):
            output = self.model(*inputs)
            losses = loss(output)
        grad_norm = optimizer_step(losses, self.model, self.opt, self.grad_scaler, self.watch, step)
        if self.per_step:
            self.scheduler.step()
        return output, losses, grad_norm

    def finish_epoch(self) -> None:
        """End the epoch of the schedule.

        Raises:
            UserError: the loss or gradient of a step was not finite.
        """
        self.watch.check()
        if self.scheduler and not self.per_step:
            self.scheduler.step()


def optimizer_step(losses: LossTerms, model: Any, opt: Any, grad_scaler: Any, watch: FiniteWatch, step: int) -> Tensor:
    """Do the backward pass, clip the gradients as set with `-p clip_grad_norm`, and step; return the gradient norm.

    Raises:
        UserError: loss or gradient is not finite (`FiniteWatch`). With the fp16 scaler, gradients may be: it skips such
            steps and lowers its scale.
    """
    limit = clip_limit(opt)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    scaler = grad_scaler or torch.GradScaler(enabled=False)
    scaler.scale(losses.total).backward()
    scaler.unscale_(opt)
    grad_norm = torch.nn.utils.clip_grad_norm_(trained, limit)
    watch.add(losses, grad_norm if grad_scaler is None else None, step)
    scaler.step(opt)
    scaler.update()
    return grad_norm
