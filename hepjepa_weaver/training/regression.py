"""Training and evaluation of networks that regress numbers, and may tell classes, as weaver calls its loops.

Weaver's own loops know one class or one number.

Shapes: N jets, K classes, T numbers.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
import tqdm
from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.fine_tuning import check_head_epochs
from hepjepa_weaver.model.regressor import JetRegressor
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.objectives.target_loss import TargetLoss
from hepjepa_weaver.runtime.ranks import batches_of_all, gathered
from hepjepa_weaver.training.epoch_log import EpochLog, Means
from hepjepa_weaver.training.loop import to_device
from hepjepa_weaver.training.stepper import Stepper
from hepjepa_weaver.training.validation import finite
from hepjepa_weaver.weaver_api.inputs import join_columns
from hepjepa_weaver.weaver_api.log import logger
from hepjepa_weaver.weaver_api.training import get_autocast_config, unwrap_model

LOG_EVERY = 50
"""Steps between two log lines."""
PREDICTIONS = "predictions"
TOTAL = "Loss"
"""Tag of the total loss, as weaver's loops have it."""


def train_epoch(
    model: Any,
    loss_func: TargetLoss,
    opt: Any,
    scheduler: Any,
    train_loader: Any,
    dev: Any,
    epoch: int,
    steps_per_epoch: int | None = None,
    grad_scaler: Any = None,
    tb_helper: Any = None,
    extra_args: Any = None,
) -> None:
    """Train `model`, a `JetRegressor` that may be wrapped in DDP, for one epoch.

    Raises:
        UserError: a loss or gradient is not finite, or there is no full batch of jets. Also for a
            `--tensorboard-custom-fn`.
    """
    args = extra_args["args"]
    network: JetRegressor = unwrap_model(model)
    check_head_epochs(model, network.tuning)
    if args.tensorboard_custom_fn:
        raise UserError("a regression calls no --tensorboard-custom-fn: leave it out; `_metrics.jsonl` has all scalars")
    network.start_epoch(epoch)
    model.train()
    log = EpochLog(tb_helper, LOG_EVERY, kind="Finetune", total=TOTAL)
    stepper = Stepper(model, opt, scheduler, grad_scaler, args)
    with tqdm.tqdm(batches(train_loader, network, dev, steps_per_epoch), total=steps_per_epoch) as bar:
        for step, (inputs, label, numbers, _) in enumerate(bar, start=1):
            _, losses, grad_norm = stepper.step(inputs, lambda out: loss_func(out, label, numbers), step)  # noqa: B023
            log.add(losses, len(numbers))
            if log.is_due():
                stepper.watch.check()
                monitors = {"grad_norm": grad_norm, "lr": opt.param_groups[0]["lr"]}
                total_step = step if tb_helper is None else tb_helper.global_step + step
                bar.set_postfix(log.write(total_step, monitors))
    if not log.num_jets:
        raise UserError(f"the training files do not fill one batch of {args.batch_size} jets: lower --batch-size")
    if tb_helper:
        tb_helper.global_step += step
    log.finish(epoch)
    stepper.finish_epoch()


def batches(
    loader: Any, network: JetRegressor, dev: Any, limit: int | None = None, is_endless: bool = True
) -> Iterator[tuple[list[Tensor], Tensor | None, Tensor, tuple[dict[str, Any], dict[str, Any]]]]:
    """Yield inputs, classes (N,) and numbers (N, T) on the device, and labels and observers as weaver gives them.

    Without a limit, or with a loader that ends, all ranks stop together.
    """
    may_end = limit is None or not is_endless
    for count, (X, y, Z) in enumerate(batches_of_all(loader, dev) if may_end else loader, start=1):
        yield to_device(X, network.reader.input_names, dev), *truth(network, y, dev), (y, Z)
        if limit is not None and count >= limit:
            return


def truth(network: JetRegressor, labels: Mapping[str, Tensor], dev: Any) -> tuple[Tensor | None, Tensor]:
    """Return classes (N,), the first of the labels, or None without, and numbers (N, T), on the device."""
    label = next(iter(labels.values())).long().to(dev) if network.num_classes else None
    return label, torch.stack([labels[name].float() for name in network.targets.names], dim=1).to(dev)


def evaluate(
    model: Any,
    test_loader: Any,
    dev: Any,
    epoch: int | None,
    for_training: bool = True,
    loss_func: TargetLoss | None = None,
    steps_per_epoch: int | None = None,
    tb_helper: Any = None,
    extra_args: Any = None,
) -> Any:
    """Validate an epoch, or predict for `weaver --predict`: weaver's evaluation hook.

    Returns:
        In training, 1 / (1 + loss), which is largest in the best epoch. Otherwise accuracy, scores (N, K), labels, and
        observers with the numbers among them. Without classes, the accuracy is half the width of the first number's
        differences, and the scores are the numbers (N, T · Q).

    Raises:
        UserError: there is no full batch, or a prediction is not finite.
    """
    args = extra_args["args"]
    network: JetRegressor = unwrap_model(model)
    network.check_ready()
    model.eval()
    autocast, dtype = get_autocast_config(args)
    with torch.no_grad(), torch.autocast("cuda", enabled=autocast, dtype=dtype):
        if not for_training:
            return predict(network, test_loader, dev)
        assert loss_func is not None
        scalars = validate(network, test_loader, dev, loss_func, steps_per_epoch)
    logger.info("Validation: %s", ", ".join(f"{name} {value:.5f}" for name, value in scalars.items()))
    if tb_helper:
        tb_helper.write_scalars([(name, value, epoch) for name, value in scalars.items()])
    return 1 / (1 + scalars[f"{TOTAL}/eval (epoch)"])


def validate(
    network: JetRegressor, loader: Any, dev: Any, loss_func: TargetLoss, steps: int | None
) -> dict[str, float]:
    """Return the mean losses, the accuracy of the classes, and the resolution of each number, by their tags.

    Raises:
        UserError: there is no full batch, or a prediction is not finite.
    """
    means, differences = Means(), []
    for inputs, label, numbers, _ in tqdm.tqdm(batches(loader, network, dev, steps, is_endless=False), total=steps):
        output = network.task(*inputs)
        losses: LossTerms = loss_func(output, label, numbers)
        accuracy = {} if label is None else {"Acc": (output.scores.argmax(dim=1) == label).float().mean()}
        terms = {f"Loss/{name}": value for name, value in losses.terms.items()}
        means.add({TOTAL: losses.total} | terms | accuracy)
        predicted = finite(network.targets.original(output.numbers), PREDICTIONS)
        differences.append(gathered(network.targets.central(predicted) - numbers))
    if not means.num_batches:
        raise UserError("the validation files do not fill one batch: lower --batch-size-val")
    scalars = {f"{name}/eval (epoch)": value for name, value in means.of_all_ranks().items()}
    spreads = torch.cat(differences)
    for place, name in enumerate(network.targets.names):
        scalars[f"Spread/{name}/eval (epoch)"] = half_width(spreads[:, place].numpy(force=True))
    return scalars


def half_width(differences: Any) -> float:
    """Return half the interval that holds the central 68 % of differences (N,), without those that are not known."""
    known = differences[np.isfinite(differences)]
    if not len(known):
        return float("nan")
    low, high = np.quantile(known, (0.16, 0.84))
    return float(high - low) / 2


def predict(network: JetRegressor, loader: Any, dev: Any) -> tuple[float, Any, dict[str, Any], dict[str, Any]]:
    """Return what weaver writes of all jets; see `evaluate`.

    Raises:
        UserError: a prediction is not finite.
    """
    scores: list[Any] = []
    columns: tuple[dict[str, list[Any]], dict[str, list[Any]]] = (defaultdict(list), defaultdict(list))
    names = network.targets.column_names()
    for inputs, _, _, given in tqdm.tqdm(batches(loader, network, dev)):
        probabilities, numbers = network.predicted(network.task(*inputs))
        found = finite(numbers, PREDICTIONS).numpy(force=True)
        scores.append(finite(probabilities, PREDICTIONS).numpy(force=True) if network.num_classes else found)
        more = dict(zip(names, found.T, strict=True))
        for target, source in zip(columns, (given[0], {**given[1], **more}), strict=True):
            for name, value in source.items():
                target[name].append(value.numpy(force=True) if isinstance(value, Tensor) else value)
    labels, observers = ({name: join_columns(parts) for name, parts in column.items()} for column in columns)
    joined = join_columns(scores)
    if not network.num_classes:
        first = network.targets.names[0]
        return half_width(observers[f"output_{first}"] - np.asarray(labels[first])), joined, labels, observers
    label = np.asarray(next(iter(labels.values())))
    return float((joined.argmax(axis=1) == label).mean()), joined, labels, observers
