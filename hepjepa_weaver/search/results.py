"""What a search measured: one CSV with a row for every measurement, and tables made from it."""

import csv
import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from hepjepa_weaver.evaluation.tables import markdown_table


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        setting, options, seed: what was pre-trained, all its `-o` options, and its seed.
        jets_seen, seconds: by pre-training and its wall time.
        measure: `probe` or `accuracy`.
        view: encoder and pooling of a probe, recipe of a fine-tuning.
        labels, label_seed: labels a class and seed of the subset; of a probe, labels in all and 0.
        value: accuracy on the test jets.
        validation: accuracy on validation jets, by which recipes are chosen; empty for a probe.
        command: what repeats it.
    """

    setting: str
    options: str
    seed: int
    jets_seen: int
    seconds: float
    measure: str
    view: str
    labels: int
    label_seed: int
    value: float
    validation: float | None
    command: str

    @property
    def key(self) -> tuple[object, ...]:
        """What is measured; a search measures it once."""
        return self.setting, self.seed, self.jets_seen, self.measure, self.view, self.labels, self.label_seed


class Results:
    """The rows of a CSV file, which grows by one row at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = read_rows(path) if path.exists() else []
        self._lock = threading.Lock()

    def __contains__(self, key: tuple[object, ...]) -> bool:
        return any(row.key == key for row in self.rows)

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
    """The rows of a CSV file."""
    hints = {item.name: KINDS.get(item.name, str) for item in fields(Row)}
    with path.open(newline="") as file:
        return [Row(**{name: hints[name](text) for name, text in line.items()}) for line in csv.DictReader(file)]


def number_or_none(text: str) -> float | None:
    """A number; None of an empty cell."""
    return float(text) if text else None


KINDS: dict[str, Any] = {
    **dict.fromkeys(("seed", "jets_seen", "labels", "label_seed"), int),
    **dict.fromkeys(("seconds", "value"), float),
    "validation": number_or_none,
}
"""How the cells of a CSV file are read that are no text."""


def results_table(rows: Sequence[Row], labels: Sequence[int]) -> str:
    """A Markdown table with a row for every setting, in their order, and budget: probes, and accuracies after
    fine-tuning with the recipe that is best on validation jets."""
    heads = ["setting", "seeds", "jets seen", "minutes", "probe: target, mean", "context, mean", "best of class token"]
    heads += [f"{count} labels/class" for count in labels]
    lines = []
    for setting, jets_seen in dict.fromkeys((row.setting, row.jets_seen) for row in rows):
        mine = [row for row in rows if (row.setting, row.jets_seen) == (setting, jets_seen)]
        seeds = {row.seed for row in mine}
        minutes = mean({row.seed: row.seconds for row in mine}.values()) / 60
        probes = [
            with_spread([row.value for row in mine if row.measure == "probe" and row.view in views])
            for views in (("target_mean",), ("context_mean",), ("target_class", "context_class"))
        ]
        tuned = [with_spread(best_recipe(row for row in mine if row.labels == count)) for count in labels]
        lines.append([setting, str(len(seeds)), f"{jets_seen:,}".replace(",", " "), f"{minutes:.1f}", *probes, *tuned])
    return markdown_table(heads, lines, words=1)


def best_recipe(rows: Iterable[Row]) -> list[float]:
    """Test accuracies, one a seed, of the recipe with the highest mean accuracy on validation jets."""
    by_recipe: dict[str, list[Row]] = {}
    for row in rows:
        if row.measure == "accuracy":
            by_recipe.setdefault(row.view, []).append(row)
    if not by_recipe:
        return []
    best = max(by_recipe.values(), key=lambda rows: mean(row.validation or 0.0 for row in rows))
    return [row.value for row in best]


def with_spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation of several values."""
    if not values:
        return "–"
    spread = stdev(values) if len(values) > 1 else math.nan
    return f"{mean(values):.3f}" + ("" if math.isnan(spread) else f" ± {spread:.3f}")
