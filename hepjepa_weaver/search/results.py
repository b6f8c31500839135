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

PROBE, ACCURACY = "probe", "accuracy"
"""What a row measures: a linear probe, or a network after fine-tuning."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement.

    Attributes:
        setting, options, seed: what was pre-trained, what its setting adds to the plan's options, and its seed.
        jets_seen, seconds: by pre-training and its wall time.
        measure: `probe` or `accuracy`.
        view: encoder and pooling of a probe, recipe of a fine-tuning.
        labels, label_seed: labels a class and seed of the subset; of a probe, labels in all and 0.
        value: accuracy, of a probe on validation jets, after fine-tuning on test jets.
        validation: accuracy on validation jets, by which recipes are chosen; empty for a probe.
        command: what repeats it; that of pre-training is in its log.
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
    command: str

    @property
    def key(self) -> tuple[object, ...]:
        """What is measured; a search measures it once."""
        return self.setting, self.seed, self.jets_seen, self.measure, self.view, self.labels, self.label_seed


CAPTION = (
    "\n\nSeeds: of pre-training. Minutes: wall time of one pre-training, with whatever else ran beside it. Probe: "
    "logistic regression on validation jets. Columns of labels: accuracy on all test jets, mean ± standard deviation "
    "over label subsets and, where there are several, pre-training seeds."
)


class Results:
    """The rows of a CSV file, which grows by one row at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = read_rows(path)
        self._lock = threading.Lock()

    def find(self, key: tuple[object, ...]) -> Row | None:
        """The row of this key, if there is one."""
        return next((row for row in self.rows if row.key == key), None)

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
    """The rows of a CSV file; none if there is no such file."""
    if not path.exists():
        return []
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


def in_order(rows: Iterable[Row], settings: Iterable[str]) -> list[Row]:
    """Rows of these settings, in their order and by jets seen."""
    place = {name: number for number, name in enumerate(settings)}
    return sorted((row for row in rows if row.setting in place), key=lambda row: (place[row.setting], row.jets_seen))


def results_table(rows: Sequence[Row], labels: Sequence[int]) -> str:
    """A Markdown table with a row for every setting and budget: probes, and accuracies with the recipe of fine-tuning
    that is best on validation jets."""
    heads = ["setting", "seeds", "jets seen", "minutes", "probe: target, mean", "context, mean", "better class token"]
    heads += [f"{count} labels/class" for count in labels]
    lines = []
    for (setting, jets_seen), mine in grouped(rows, "setting", "jets_seen").items():
        seeds = {row.seed for row in mine}
        minutes = mean({row.seed: row.seconds for row in mine}.values()) / 60
        views = {
            view: values(of) for (measure, view), of in grouped(mine, "measure", "view").items() if measure == PROBE
        }
        tokens = [views[name] for name in ("target_class", "context_class") if name in views]
        class_token = max(tokens, key=mean, default=[])
        probes = [with_spread(found) for found in (views.get("target_mean"), views.get("context_mean"), class_token)]
        tuned = [with_spread(best_recipe([row for row in mine if row.labels == count])) for count in labels]
        lines.append([setting, str(len(seeds)), with_blanks(jets_seen), f"{minutes:.1f}", *probes, *tuned])
    return markdown_table(heads, lines, words=1) + CAPTION


def recipes_table(rows: Iterable[Row]) -> str:
    """A Markdown table with a row for every recipe of fine-tuning, on validation and on test jets."""
    heads = ["setting", "recipe", "jets seen", "labels/class", "validation", "test"]
    tuned = grouped([row for row in rows if row.measure == ACCURACY], "setting", "view", "jets_seen", "labels")
    lines = [
        [setting, recipe, with_blanks(jets_seen), str(count), with_spread(validations(mine)), with_spread(values(mine))]
        for (setting, recipe, jets_seen, count), mine in tuned.items()
    ]
    return markdown_table(heads, lines, words=2)


def best_recipe(rows: Iterable[Row]) -> list[float]:
    """Test accuracies, one a seed, of the recipe with the highest mean accuracy on validation jets."""
    recipes = grouped([row for row in rows if row.measure == ACCURACY], "view").values()
    return values(max(recipes, key=lambda mine: mean(validations(mine)), default=[]))


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows that agree in the fields of these names, by their values."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
    return groups


def values(rows: Iterable[Row]) -> list[float]:
    """What was measured."""
    return [row.value for row in rows]


def validations(rows: Iterable[Row]) -> list[float]:
    """Accuracies on validation jets."""
    return [row.validation for row in rows if row.validation is not None]


def with_blanks(count: int) -> str:
    """A number with a blank before every three digits."""
    return f"{count:,}".replace(",", " ")


def with_spread(found: Sequence[float] | None) -> str:
    """Mean ± standard deviation of several values."""
    if not found:
        return "–"
    return f"{mean(found):.3f}" + (f" ± {stdev(found):.3f}" if len(found) > 1 else "")
