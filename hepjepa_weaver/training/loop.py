"""One epoch of pre-training, for any objective, with the signature of weaver's loops."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import tqdm
from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.base import SelfSupervised
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.runtime.ranks import batches_of_all
from hepjepa_weaver.training.epoch_log import EpochLog
from hepjepa_weaver.training.stepper import Stepper
from hepjepa_weaver.weaver_api.training import unwrap_model


def train_epoch(
    model: Any,
    loss_func: Callable[[Any], LossTerms],
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
    """Train `model`, a `SelfSupervised` that may be wrapped in DDP or torch.compile, for one epoch.

    Raises:
        UserError: a loss or gradient is not finite, the embeddings collapse with `-o on_collapse stop`, or there is no
            full batch of jets. Also if pre-training does not support the command line.
    """
    args = extra_args["args"]
    check_command_line(model, args)
    model.train()
    objective: SelfSupervised = unwrap_model(model)
    steps_before = int(objective.step)
    total_steps = steps_of_run(args.num_epochs, epoch, steps_per_epoch, steps_before)
    log, stepper = EpochLog(tb_helper, log_every), Stepper(model, opt, scheduler, grad_scaler, args)
    with tqdm.tqdm(batches(train_loader, objective, dev, steps_per_epoch), total=steps_per_epoch) as bar:
        for step, (inputs, _) in enumerate(bar, start=steps_before + 1):
            output, losses, grad_norm = stepper.step(inputs, loss_func, step)
            objective.after_optimizer_step(step, total_steps)
            log.add(losses, len(inputs[0]))
            if log.is_due():
                stepper.watch.check()
                measured = {**objective.ranks(output), **objective.spreads(output)}
                measures = {name: float(value) for name, value in measured.items()}
                scalars = {"grad_norm": grad_norm, "lr": opt.param_groups[0]["lr"], **objective.monitors(output)}
                bar.set_postfix(log.write(step, {**scalars, **measures}))
                objective.collapse.look(measures, step)
    if not log.num_jets:
        raise UserError(f"the training files do not fill one batch of {args.batch_size} jets: lower --batch-size")
    log.finish(epoch)
    stepper.finish_epoch()


def check_command_line(model: Any, args: Any) -> None:
    """Check the command line before the first batch for what would fail late, or without a reason.

    Raises:
        UserError: there are no training files, or pre-training does not support an option.
    """
    if not args.data_train:
        raise UserError("nothing to train on: name files with --data-train")
    if isinstance(model, torch.nn.DataParallel):
        raise UserError(
            f"--gpus {args.gpus} in one process is not supported: use torchrun --nproc_per_node N $(which weaver) "
            "--backend nccl"
        )


def batches(
    loader: Any, objective: SelfSupervised, dev: Any, limit: int | None = None, is_endless: bool = True
) -> Iterator[tuple[list[Tensor], dict[str, Tensor]]]:
    """Yield inputs on the device, in the order in which `objective` reads them, and labels, of up to `limit` batches.

    A label that the objective asks for is the last input.

    As in weaver's loops at least one batch is read, because weaver rounds the number of validation steps down to 0.
    Without a limit, or with a loader that ends, all ranks stop together.
    """
    may_end = limit is None or not is_endless
    for count, (X, y, _) in enumerate(batches_of_all(loader, dev) if may_end else loader, start=1):
        labels = [] if objective.label_name is None else [y[objective.label_name].to(dev)]
        yield [*to_device(X, objective.reader.input_names, dev), *labels], y
        if limit is not None and count >= limit:
            return


def to_device(groups: dict[str, Tensor], names: Iterable[str], dev: Any) -> list[Tensor]:
    """Move inputs to the device, in the order of `names`; masks stay on the host.

    Particles are counted on the host, so that their number is known without waiting for the device (`JetReader`).
    """
    return [groups[name] if name.endswith("_mask") else groups[name].to(dev, non_blocking=True) for name in names]


def steps_of_run(num_epochs: int, epoch: int, steps_per_epoch: int | None, step: int) -> int | None:
    """Return the number of optimiser steps in the whole run, or None if it is not known.

    Without `--steps-per-epoch` the number follows from the epochs done, and is not known in the first one.
    """
    if steps_per_epoch is None:
        steps_per_epoch = step // epoch if epoch > 0 else 0
    return num_epochs * steps_per_epoch or None
