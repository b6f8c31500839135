"""Validation of a pre-training epoch, and `weaver --predict`, which writes the jets' embeddings."""

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import tqdm
from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.base import SelfSupervised
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.objectives.metrics import effective_rank, probe_accuracy
from hepjepa_weaver.runtime.ranks import gathered
from hepjepa_weaver.training.epoch_log import Means
from hepjepa_weaver.training.loop import batches, to_device
from hepjepa_weaver.weaver_api.inputs import join_columns
from hepjepa_weaver.weaver_api.log import logger
from hepjepa_weaver.weaver_api.training import get_autocast_config, unwrap_model

ODD = 0x9E3779B97F4A7C15 - 2**64
"""Golden ratio as a 64-bit number: neighbours get factors far apart."""
LOSS = "Loss/"
"""Prefix of the mean losses among the scalars of a validation."""


def evaluate(
    model: Any,
    test_loader: Any,
    dev: Any,
    epoch: int | None,
    for_training: bool = True,
    loss_func: Callable[[Any], LossTerms] | None = None,
    steps_per_epoch: int | None = None,
    tb_helper: Any = None,
    extra_args: Any = None,
    *,
    probe_jets: int = 20_000,
) -> Any:
    """Validate an epoch, or embed jets for `weaver --predict`: weaver's evaluation hook.

    Returns:
        In training, the number by which weaver chooses the best epoch (`SelfSupervised.validation_metric`, or
        `probe_metric`). Otherwise effective rank, embeddings, labels and observers, which weaver writes.

    Raises:
        UserError: there is no full batch, embeddings are not finite, or the output is not a .parquet file.
    """
    args = extra_args["args"]
    model.eval()
    autocast, dtype = get_autocast_config(args)
    with torch.no_grad(), torch.autocast("cuda", enabled=autocast, dtype=dtype):
        if not for_training:
            return embed_jets(model, test_loader, dev, args, probe_jets)
        assert loss_func is not None
        objective = unwrap_model(model)
        means, jets = validation_pass(objective, test_loader, dev, loss_func, steps_per_epoch)
    if jets is None:
        raise UserError(
            f"the validation files do not fill one batch of {args.batch_size_val} jets: lower --batch-size-val"
        )
    mean = means.of_all_ranks()
    losses = {name.removeprefix(LOSS): value for name, value in mean.items() if name.startswith(LOSS)}
    probe, monitors = probe_metric(jets, probe_jets)
    own = objective.validation_metric(losses)
    monitors = {f"Pretrain/{name}": value for name, value in {**monitors, **objective.validation_summary()}.items()}
    scalars = {f"{name}/eval (epoch)": value for name, value in {**mean, **monitors}.items()}
    logger.info("Validation: %s", ", ".join(f"{name} {value:.5f}" for name, value in scalars.items()))
    if tb_helper:
        tb_helper.write_scalars([(name, value, epoch) for name, value in scalars.items()])
    return probe if own is None else own


@dataclass(frozen=True)
class ValidationJets:
    """The validation jets of all ranks.

    Attributes:
        embedding: (N, D).
        label: (N,), class of each jet; negative, or NaN, if it has none.
        identity: (N,), a number that tells jets apart.
    """

    embedding: Tensor
    label: Tensor
    identity: Tensor

    def of(self, index: Tensor) -> "ValidationJets":
        """Return the jets of these indices, or marked by True."""
        return ValidationJets(self.embedding[index], self.label[index], self.identity[index])


def validation_pass(
    objective: SelfSupervised, loader: Any, dev: Any, loss_func: Callable[[Any], LossTerms], steps: int | None
) -> tuple[Means, ValidationJets | None]:
    """Return the means of losses and monitors, and the jets with their embeddings; None if there is no batch."""
    means = Means()
    objective.start_validation()
    embeddings, labels, identities = [], [], []
    label_name = loader.dataset.config.label_names[0]
    for inputs, y in tqdm.tqdm(batches(loader, objective, dev, steps, is_endless=False), total=steps):
        output = objective.task(*inputs)
        embeddings.append(gathered(finite(output.embedding)))
        scalars = {f"{LOSS}{name}": value for name, value in loss_func(output).by_name.items()}
        shown = objective.spreads(output) | objective.monitors(output)
        means.add(scalars | {f"Pretrain/{name}": value for name, value in shown.items()})
        labels.append(gathered(y[label_name].to(dev)))
        vectors = inputs[objective.reader.input_names.index("pf_vectors")]
        identities.append(gathered(fingerprint(vectors)))
    if not embeddings:
        return means, None
    return means, ValidationJets(torch.cat(embeddings), torch.cat(labels), torch.cat(identities))


def fingerprint(vectors: Tensor) -> Tensor:
    """Return a number (N,) for each jet that its four-momenta `vectors` (N, 4, P) determine, bit by bit."""
    bits = vectors.float().contiguous().view(torch.int32).flatten(1).long()
    factors = torch.arange(1, bits.size(1) + 1, device=bits.device) * ODD + 1
    return ((bits + 1) * factors).sum(dim=1)


def probe_metric(jets: ValidationJets, max_jets: int) -> tuple[float, dict[str, float]]:
    """Return the number that is largest in the best epoch, and further quantities to log.

    The metric is the linear-probe accuracy. Without labels, or with a single class, it is the effective rank as a
    fraction of the width. This is small for a collapsed encoder. Both use `max_jets` jets, the same ones each time.
    A jet that comes several times counts once.
    """
    jets = jets.of(first_of_each(jets.identity))
    jets = jets.of(some_jets(len(jets.label), max_jets).to(jets.label.device))
    rank = float(effective_rank(jets.embedding))
    labelled = jets.of(jets.label >= 0)
    accuracy = probe_accuracy(labelled.embedding, labelled.label)
    if accuracy is None:
        return rank / jets.embedding.size(1), {"effective_rank": rank}
    return accuracy, {"effective_rank": rank, "probe_accuracy": accuracy}


def first_of_each(identity: Tensor) -> Tensor:
    """Return the index of the first jet of each identity (N,), ascending; warn if some come several times."""
    order = identity.argsort(stable=True)
    in_order = identity[order]
    is_first = torch.cat([torch.ones_like(in_order[:1], dtype=torch.bool), in_order[1:] != in_order[:-1]])
    if not bool(is_first.all()):
        logger.warning(
            "%d of %d validation jets come again: each counts once in the metric", int((~is_first).sum()), len(identity)
        )
    return order[is_first].sort().values


def some_jets(num_jets: int, max_jets: int) -> Tensor:
    """Return indices of up to `max_jets` of `num_jets` jets, drawn at random: a file may start with a single class."""
    return torch.randperm(num_jets, generator=torch.Generator().manual_seed(0))[:max_jets]


def embed_jets(
    model: Any, loader: Any, dev: Any, args: Any, max_jets: int
) -> tuple[float, Any, dict[str, Any], dict[str, Any]]:
    """Return embeddings (N, D), or codes, of all jets as weaver's `scores`, with labels and observers beside them.

    Raises:
        UserError: embeddings are not finite, or the output is not a .parquet file.
    """
    if args.predict_output and os.path.splitext(args.predict_output)[1] != ".parquet":
        # weaver names the columns of ROOT files by class, and would keep the first few dimensions only
        raise UserError(
            f"--predict-output {args.predict_output}: what a network without labels gives is written to "
            ".parquet files only"
        )
    objective: SelfSupervised = unwrap_model(model)
    predictions: list[Any] = []
    columns: tuple[dict[str, list[Any]], dict[str, list[Any]]] = (defaultdict(list), defaultdict(list))
    for X, y, Z in tqdm.tqdm(loader):
        prediction, more = objective.as_columns(finite(model(*to_device(X, objective.reader.input_names, dev))))
        predictions.append(prediction)
        for target, source in zip(columns, (y, {**Z, **more}), strict=True):
            for name, value in source.items():
                target[name].append(value.numpy(force=True) if isinstance(value, Tensor) else value)
    prediction = join_columns(predictions)
    labels, observers = ({name: join_columns(parts) for name, parts in column.items()} for column in columns)
    if not isinstance(prediction, np.ndarray):
        return 0.0, prediction, labels, observers
    some = some_jets(len(prediction), max_jets).numpy()
    return float(effective_rank(torch.from_numpy(prediction[some]))), prediction, labels, observers


def finite(values: Tensor, what: str = "embeddings") -> Tensor:
    """Return what a network gives for each jet, `values` (N, ...), in float32; whole numbers stay.

    Raises:
        UserError: what it gives for a jet is not finite.
    """
    bad = int((~torch.isfinite(values)).flatten(1).any(dim=1).sum())
    if bad:
        raise UserError(
            f"{bad} of {len(values)} jets of a batch have {what} that are not finite: look for infinite "
            "values in the input files, or for a checkpoint that holds no numbers"
        )
    return values.float() if values.is_floating_point() else values
