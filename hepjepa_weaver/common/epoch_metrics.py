"""Results of each epoch in `{model_prefix}_metrics.jsonl`, one line of JSON per epoch.

    {"epoch": 0, "jets": 19200, "seconds": 12.3, "train": {"loss": 1.2}, "validation": {"accuracy": 0.5}, "metric": 0.5}

Weaver chooses the best epoch by `metric`; it is null in a run without validation. A run that repeats epochs under the
same prefix replaces their lines.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole


@dataclass(frozen=True)
class EpochMetrics:
    """Results of one epoch.

    Attributes:
        epoch: number of the epoch, from 0.
        jets: jets trained on by this rank.
        seconds: wall time of the training, in seconds.
        train: means over the training epoch, by name.
        validation: means over the validation epoch, by name.
        metric: number by which weaver chooses the best epoch; None without validation.
    """

    epoch: int
    jets: int = 0
    seconds: float = 0.0
    train: Mapping[str, float] = field(default_factory=dict)
    validation: Mapping[str, float] = field(default_factory=dict)
    metric: float | None = None


def metrics_path(prefix: str | Path) -> Path:
    """Return the metrics file of a run from its `--model-prefix`."""
    return Path(f"{prefix}_metrics.jsonl")


def write_training(path: Path, epoch: EpochMetrics) -> None:
    """Write an epoch that has been trained as the last line; remove its earlier line and the lines of later epochs."""
    _write(path, [*(known for known in _known(path) if known.epoch < epoch.epoch), epoch])


def write_validation(path: Path, epoch: int, validation: Mapping[str, float], metric: float) -> None:
    """Write what the validation of an epoch gave into its line; leave all other lines as they are."""
    epochs = {known.epoch: known for known in _known(path)}
    epochs[epoch] = replace(epochs.get(epoch, EpochMetrics(epoch)), validation=validation, metric=metric)
    _write(path, [epochs[number] for number in sorted(epochs)])


def read_epochs(path: Path) -> list[EpochMetrics]:
    """Return the epochs of a run, in order.

    Raises:
        UserError: there is no such file, or a line is not an epoch.
    """
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): look in the run's log for what went wrong"
        ) from error
    epochs = []
    for number, line in enumerate(lines, start=1):
        try:
            epochs.append(EpochMetrics(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}, line {number} holds no epoch: delete the file, or train again") from error
    return epochs


def best_metric(path: Path) -> float:
    """Return the largest metric of a run.

    It is the metric of `{prefix}_best_epoch_state.pt`, unless the run was resumed: weaver then forgets the best epoch.

    Raises:
        UserError: there is no such file, or no epoch was validated.
    """
    metrics = [epoch.metric for epoch in read_epochs(path) if epoch.metric is not None]
    if not metrics:
        raise UserError(f"{path} tells of no validation: look in the run's log for what went wrong")
    return max(metrics)


def _known(path: Path) -> list[EpochMetrics]:
    return read_epochs(path) if path.is_file() else []


def _write(path: Path, epochs: Sequence[EpochMetrics]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_text("".join(map(_line, epochs)))


def _line(epoch: EpochMetrics) -> str:
    return json.dumps(_without_nan(asdict(epoch))) + "\n"


def _without_nan(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not know, by None."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
