"""One epoch of pre-training, for any objective, in the form in which weaver calls its loops."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
import tqdm
from torch import Tensor
from weaver.utils.logger import _logger
from weaver.utils.nn.tools import get_autocast_config, unwrap_model

from hepjepa_weaver.errors import UserError
from hepjepa_weaver.losses import LossParts
from hepjepa_weaver.training.files import check_data_arguments


class Objective(Protocol):
    """What the loop needs of a pre-training network besides its forward pass."""

    step: Tensor

    def after_optimizer_step(self, total_steps: int | None) -> None: ...
    def monitors(self, output: Any) -> dict[str, Tensor]: ...


def train_epoch(
    model: Any,
    loss_func: Callable[[Any], LossParts],
    opt: Any,
    scheduler: Any,
    train_loader: Any,
    dev: Any,
    epoch: int,
    steps_per_epoch: int | None = None,
    grad_scaler: Any = None,
    tb_helper: Any = None,
    extra_args: Any = None,
    *,
    log_every: int = 50,
) -> None:
    """Train `model`, an `Objective` maybe wrapped in DDP or torch.compile, for one epoch.

    Raises:
        UserError: unreadable input files, a non-finite loss, not one full batch of jets, or several GPUs without
            DDP, whose output would have to be a plain tensor.
    """
    args = extra_args["args"]
    check_data_arguments(args)
    if isinstance(model, torch.nn.DataParallel):
        raise UserError(
            f"--gpus {args.gpus} in one process is not supported: use torchrun --nproc_per_node N $(which weaver) "
            "--backend nccl"
        )
    model.train()
    objective: Objective = unwrap_model(model)
    total_steps = steps_of_run(args.num_epochs, epoch, steps_per_epoch, int(objective.step))
    autocast, dtype = get_autocast_config(args)
    log = EpochLog(tb_helper, log_every)
    with tqdm.tqdm(batches(train_loader, dev, steps_per_epoch), total=steps_per_epoch) as bar:
        for inputs, _, num_jets in bar:
            opt.zero_grad()
            with torch.autocast("cuda", enabled=autocast, dtype=dtype):
                output = model(*inputs)
                losses = loss_func(output)
            check_finite(losses, int(objective.step))
            grad_norm = optimizer_step(losses.total, model, opt, grad_scaler)
            if scheduler and getattr(scheduler, "_update_per_step", False):
                scheduler.step()
            objective.after_optimizer_step(total_steps)
            log.add(losses, num_jets)
            if log.is_due():
                scalars = {
                    "grad_norm": grad_norm,
                    "lr": opt.param_groups[0]["lr"],
                    **objective.monitors(output),
                }
                bar.set_postfix(log.write(int(objective.step), scalars))
    log.finish(epoch, args.batch_size)
    if scheduler and not getattr(scheduler, "_update_per_step", False):
        scheduler.step()


def batches(loader: Any, dev: Any, limit: int | None) -> Iterator[tuple[list[Tensor], dict[str, Tensor], int]]:
    """Inputs in the data config's order and on the device, labels, and number of jets, of up to `limit` batches."""
    names = loader.dataset.config.input_names
    for count, (X, y, _) in enumerate(loader, start=1):
        yield [X[name].to(dev, non_blocking=True) for name in names], y, len(X[names[0]])
        if count == limit:
            return


def steps_of_run(num_epochs: int, epoch: int, steps_per_epoch: int | None, step: int) -> int | None:
    """Optimiser steps in the whole run. Without `--steps-per-epoch` the epochs so far tell how long one is; in
    the first one nobody knows."""
    if steps_per_epoch is None:
        steps_per_epoch = step // epoch if epoch > 0 else 0
    return num_epochs * steps_per_epoch or None


def check_finite(losses: LossParts, step: int) -> None:
    """Raise a UserError before a loss that is no number reaches the weights."""
    if not torch.isfinite(losses.total):
        parts = ", ".join(f"{name} {value.item():g}" for name, value in losses.parts.items())
        raise UserError(
            f"the loss of step {step + 1} is not finite ({parts}): lower --start-lr, clip gradients with "
            "-p clip_grad_norm 1, or look for infinite values in the inputs"
        )


def optimizer_step(loss: Tensor, model: Any, opt: Any, grad_scaler: Any) -> Tensor:
    """Backward pass, gradient clipping as set with `-p clip_grad_norm`, step. Returns the gradient norm."""
    limit = getattr(opt, "_clip_grad_norm", float("inf"))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if grad_scaler is None:
        loss.backward()  # type: ignore[no-untyped-call]
        grad_norm = torch.nn.utils.clip_grad_norm_(trained, limit)
        opt.step()
        return grad_norm
    grad_scaler.scale(loss).backward()
    grad_scaler.unscale_(opt)
    grad_norm = torch.nn.utils.clip_grad_norm_(trained, limit)
    grad_scaler.step(opt)
    grad_scaler.update()
    return grad_norm


class EpochLog:
    """Means of the losses, gathered on the device and read once every `log_every` steps."""

    def __init__(self, tb_helper: Any, log_every: int) -> None:
        self.tb_helper = tb_helper
        self.log_every = log_every
        self.start = time.time()
        self.num_batches = self.num_jets = 0
        self.epoch_sum: dict[str, Tensor] = {}
        self.recent_sum: dict[str, Tensor] = {}
        self.num_recent = 0

    def add(self, losses: LossParts, num_jets: int) -> None:
        """Count one batch."""
        self.num_batches += 1
        self.num_recent += 1
        self.num_jets += num_jets
        for name, value in {"total": losses.total, **losses.parts}.items():
            for sums in (self.epoch_sum, self.recent_sum):
                sums[name] = sums.get(name, 0.0) + value.detach()

    def is_due(self) -> bool:
        """True at the first step of an epoch and then every `log_every` steps."""
        return self.num_batches % self.log_every == 1 or self.log_every == 1

    def write(self, step: int, monitors: dict[str, Any]) -> dict[str, str]:
        """Write mean losses since the last call, and `monitors`, to TensorBoard at `step`; return the line to show."""
        loss = {name: float(value) / self.num_recent for name, value in self.recent_sum.items()}
        values = {name: float(value) for name, value in monitors.items()}
        self.recent_sum, self.num_recent = {}, 0
        if self.tb_helper:
            scalars = [(f"Loss/{name}/train", value, step) for name, value in loss.items()]
            scalars += [(f"Pretrain/{name}", value, step) for name, value in values.items()]
            self.tb_helper.write_scalars(scalars)
        return {"step": str(step), **{k: f"{v:.4g}" for k, v in {"loss": loss["total"], **values}.items()}}

    def finish(self, epoch: int, batch_size: int) -> None:
        """Log the epoch.

        Raises:
            UserError: the epoch had no batch.
        """
        if self.num_batches == 0:
            raise UserError(f"the training files do not fill one batch of {batch_size} jets: lower --batch-size")
        mean = {name: float(value) / self.num_batches for name, value in self.epoch_sum.items()}
        seconds = time.time() - self.start
        _logger.info("Processed %d jets in %.1f s (%.1f jets/s)", self.num_jets, seconds, self.num_jets / seconds)
        _logger.info("Train loss: %s", ", ".join(f"{name} {value:.5f}" for name, value in mean.items()))
        if self.tb_helper:
            self.tb_helper.write_scalars([(f"Loss/{name}/train (epoch)", value, epoch) for name, value in mean.items()])
