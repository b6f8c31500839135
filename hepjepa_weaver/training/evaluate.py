"""Validation of a pre-training epoch, and `weaver --predict`, which writes the jets' embeddings."""

import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import tqdm
from torch import Tensor
from weaver.utils.data.tools import _concat
from weaver.utils.logger import _logger
from weaver.utils.nn.tools import AllGather, get_autocast_config, unwrap_model

from hepjepa_weaver.errors import UserError
from hepjepa_weaver.losses import LossParts
from hepjepa_weaver.metrics import effective_rank, probe_accuracy
from hepjepa_weaver.training.files import check_data_arguments
from hepjepa_weaver.training.loop import batches


def evaluate(
    model: Any,
    test_loader: Any,
    dev: Any,
    epoch: int | None,
    for_training: bool = True,
    loss_func: Callable[[Any], LossParts] | None = None,
    steps_per_epoch: int | None = None,
    tb_helper: Any = None,
    extra_args: Any = None,
    *,
    probe_jets: int = 20_000,
) -> Any:
    """Weaver's evaluation hook: the metric of the best epoch, or with `for_training=False` embeddings to write."""
    args = extra_args["args"]
    check_data_arguments(args)
    model.eval()
    autocast, dtype = get_autocast_config(args)
    with torch.no_grad(), torch.autocast("cuda", enabled=autocast, dtype=dtype):
        if not for_training:
            return embed_jets(model, test_loader, dev, args)
        assert loss_func is not None
        return validate(
            unwrap_model(model),
            test_loader,
            dev,
            epoch,
            loss_func,
            steps_per_epoch,
            tb_helper,
            args,
            probe_jets,
        )


def validate(
    objective: Any,
    loader: Any,
    dev: Any,
    epoch: int | None,
    loss_func: Callable[[Any], LossParts],
    steps: int | None,
    tb_helper: Any,
    args: Any,
    probe_jets: int,
) -> float:
    """Loss and representation on the validation jets.

    Returns:
        What weaver chooses the best epoch by: the linear-probe accuracy, or for data of a single class the
        effective rank as a share of the width, which a collapsed encoder cannot win.

    Raises:
        UserError: not one full batch of jets, or weaver in regression mode, where the smallest metric wins.
    """
    if args.regression_mode:
        raise UserError("pre-training is better the larger its metric: leave out --regression-mode")
    sums: dict[str, Tensor] = {}
    embeddings, labels, num_batches = [], [], 0
    label_name = loader.dataset.config.label_names[0]
    for inputs, y, _ in tqdm.tqdm(batches(loader, dev, steps), total=steps):
        output = objective.predict_hidden(objective.reader(*inputs))
        losses = loss_func(output)
        for name, value in {"total": losses.total, **losses.parts}.items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value
        embeddings.append(AllGather.apply(output.embedding.float()))
        labels.append(AllGather.apply(y[label_name].to(dev)))
        num_batches += 1
    if num_batches == 0:
        raise UserError(
            f"the validation files do not fill one batch of {args.batch_size_val} jets: lower --batch-size-val"
        )
    embedding, label = torch.cat(embeddings), torch.cat(labels)
    rank = float(effective_rank(embedding))
    accuracy = probe_accuracy(embedding[:probe_jets], label[:probe_jets])
    scalars = {f"Loss/{name}/eval (epoch)": float(value) / num_batches for name, value in sums.items()}
    scalars["Pretrain/effective_rank/eval (epoch)"] = rank
    if accuracy is not None:
        scalars["Pretrain/probe_accuracy/eval (epoch)"] = accuracy
    _logger.info("Validation: %s", ", ".join(f"{name} {value:.5f}" for name, value in scalars.items()))
    if tb_helper:
        tb_helper.write_scalars([(name, value, epoch) for name, value in scalars.items()])
    return rank / embedding.size(1) if accuracy is None else accuracy


def embed_jets(model: Any, loader: Any, dev: Any, args: Any) -> tuple[float, Any, dict[str, Any], dict[str, Any]]:
    """Embeddings (N, D) of all jets as weaver's `scores`, with labels and observers beside them.

    Raises:
        UserError: output asked for in a ROOT file, whose columns weaver names by class.
    """
    if args.predict_output and os.path.splitext(args.predict_output)[1] != ".parquet":
        raise UserError(f"--predict-output {args.predict_output}: jet embeddings are written to .parquet files only")
    names = loader.dataset.config.input_names
    embeddings = []
    columns: tuple[dict[str, list[Any]], dict[str, list[Any]]] = (defaultdict(list), defaultdict(list))
    for X, y, Z in tqdm.tqdm(loader):
        embeddings.append(model(*(X[name].to(dev) for name in names)).float().numpy(force=True))
        for target, source in zip(columns, (y, Z), strict=True):
            for name, value in source.items():
                target[name].append(value.numpy(force=True) if isinstance(value, Tensor) else value)
    embedding = np.concatenate(embeddings)
    labels, observers = ({name: _concat(parts) for name, parts in column.items()} for column in columns)
    return float(effective_rank(torch.from_numpy(embedding))), embedding, labels, observers
