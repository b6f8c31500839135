"""What a search measured: one CSV with a row for every measurement."""

import csv
import math
import threading
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.search.origin import check_same_command, check_same_options

PROBE, ACCURACY = "probe", "accuracy"
"""What a row measures: a linear probe, or a network after fine-tuning."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement.

    Attributes:
        setting, options, seed: what was pre-trained, what its setting adds to the plan's options, and its seed.
        config: all options of the pre-training, or of the fine-tuning, defaults included.
        commit: of the repository, at the time of the measurement.
        jets_seen, seconds: by pre-training and its wall time.
        measure: `probe` or `accuracy`.
        view: encoder and pooling of a probe, recipe of a fine-tuning.
        labels, label_seed: labels a class and seed of the subset; of a probe, labels in all and 0.
        value: accuracy, of a probe on validation jets, after fine-tuning on test jets.
        validation: accuracy on validation jets, by which recipes are chosen; empty for a probe.
        pretraining, command: what repeats it; the first is empty from scratch.
    """

    setting: str
    options: str
    seed: int
    jets_seen: int
    seconds: float
    measure: str
    view: str
    labels: int
    label_seed: int = 0
    value: float = math.nan
    validation: float | None = None
    config: str
    commit: str
    pretraining: str
    command: str

    @property
    def key(self) -> tuple[object, ...]:
        """What is measured; a search measures it once."""
        return self.setting, self.seed, self.jets_seen, self.measure, self.view, self.labels, self.label_seed


class Results:
    """The rows of a CSV file, which grows by one row at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = read_rows(path)
        self._lock = threading.Lock()

    def has(self, row: Row) -> bool:
        """Whether what `row` is to measure has been measured.

        Raises:
            UserError: it was measured with other commands or options, or of another pre-training.
        """
        known = next((other for other in self.rows if other.key == row.key), None)
        if known is None:
            return False
        what = f"{self.path}: {row.setting}, {row.measure} {row.view}"
        check_same_command(known.pretraining, row.pretraining, what)
        check_same_command(known.command, row.command, what)
        check_same_options(known.config, row.config, what)
        return True

    def add(self, row: Row) -> None:
        """Keep `row`, in the file too."""
        with self._lock:
            is_new = not self.path.exists()
            with self.path.open("a", newline="") as file:
                writer = csv.DictWriter(file, [item.name for item in fields(Row)])
                if is_new:
                    writer.writeheader()
                writer.writerow(asdict(row))
            self.rows.append(row)


def read_rows(path: Path) -> list[Row]:
    """The rows of a CSV file; none if there is no such file.

    Raises:
        UserError: it has other columns.
    """
    if not path.exists():
        return []
    hints = {item.name: KINDS.get(item.name, str) for item in fields(Row)}
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if set(reader.fieldnames or ()) != set(hints):
            raise UserError(f"{path} has not the columns {', '.join(hints)}: choose another -o")
        return [Row(**{name: hints[name](text) for name, text in line.items()}) for line in reader]


def number_or_none(text: str) -> float | None:
    """A number; None of an empty cell."""
    return float(text) if text else None


KINDS: dict[str, Any] = {
    **dict.fromkeys(("seed", "jets_seen", "labels", "label_seed"), int),
    **dict.fromkeys(("seconds", "value"), float),
    "validation": number_or_none,
}
"""How the cells of a CSV file are read that are no text."""
