"""The measurements of a study: read from the metrics of its cells, and summarised over seeds."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import plus_minus
from hepjepa_weaver.common.measurement import Measurement, format_value
from hepjepa_weaver.evaluation.bootstrap import Interval
from hepjepa_weaver.studies.cells import Cell, cells, degraded_cells, networks
from hepjepa_weaver.studies.layout import INTACT, Layout
from hepjepa_weaver.studies.study_plan import StudyPlan


@dataclass(frozen=True)
class CellResult:
    """What was measured in one cell.

    Attributes:
        metrics: value and bootstrap interval of each metric, by its name.
        jets_per_class: number of test jets, by class.
    """

    metrics: Mapping[str, Interval]
    jets_per_class: Mapping[str, int]


Results = Mapping[Cell, CellResult]
Seeds = Sequence[Sequence[CellResult]]
"""The results of an entry: by seed of pre-training and, for each, by seed of labels."""


@dataclass(frozen=True)
class Summary:
    """A metric over seeds.

    Attributes:
        mean: mean over all seeds; None if the metric is undefined for one of them.
        spread: standard deviation over all seeds; None for a single seed.
        pretraining_spread: standard deviation, over seeds of pre-training, of the means over seeds of labels.
        label_spread: standard deviation over seeds of labels after the same pre-training, pooled.
        test_error: half the width of the bootstrap interval, averaged over seeds; None if an end is undefined.
    """

    mean: float | None
    spread: float | None = None
    pretraining_spread: float | None = None
    label_spread: float | None = None
    test_error: float | None = None


def read_results(plan: StudyPlan) -> dict[str, Results]:
    """Return the results of all cells by kind of test jets: `intact`, or the name of a degradation.

    Raises:
        UserError: results are missing or damaged.
    """
    layout = Layout(plan)
    results = {INTACT: {cell: read_result(layout.found(layout.metrics(cell))) for cell in cells(plan)}}
    for cell, name in degraded_cells(plan):
        results.setdefault(name, {})[cell] = read_result(layout.found(layout.metrics(cell, name)))
    return dict(results)


def read_result(path: Path) -> CellResult:
    """Read a file that `hepjepa evaluate` wrote.

    Raises:
        UserError: the file is missing, or holds anything else.
    """
    try:
        content = json.loads(path.read_text())
        metrics = {str(name): Interval(**entry) for name, entry in content["metrics"].items()}
        return CellResult(metrics, dict(content["jets_per_class"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} holds no metrics: delete it and run snakemake again") from error


def seeds_of(plan: StudyPlan, results: Results, task: str, group: str, labels: str) -> Seeds:
    """Return the results of an entry: of a group of networks with a number of labels."""
    members = [network.name for network in networks(plan, task).values() if network.group == group]
    return [[results[Cell(task, name, labels, seed)] for seed in plan.tasks[task].seeds] for name in members]


def summarise(seeds: Seeds, metric: str) -> Summary:
    """Return the summary of a metric over the seeds of an entry."""
    intervals = [[result.metrics[metric] for result in of_labels] for of_labels in seeds]
    values = [[interval.value for interval in row if interval.value is not None] for row in intervals]
    known = [value for row in values for value in row]
    if len(known) < sum(map(len, intervals)):
        return Summary(None)
    errors = [interval.measurement.error for row in intervals for interval in row]
    defined = [error for error in errors if error is not None]
    return Summary(
        statistics.mean(known),
        _deviation(known),
        _deviation([statistics.mean(row) for row in values]),
        statistics.mean(map(statistics.variance, values)) ** 0.5 if len(values[0]) > 1 else None,
        statistics.mean(defined) if len(defined) == len(errors) else None,
    )


def format_summary(summary: Summary) -> str:
    """Return `mean ± standard deviation`, with two significant digits of the latter, or `undefined`.

    A single seed has no standard deviation. Its error is that of the finite number of test jets.
    """
    if summary.mean is None or summary.spread is None:
        return format_value(Measurement(summary.mean, summary.test_error))
    return plus_minus(summary.mean, summary.spread) if summary.spread else f"{summary.mean:.4g}"


def number_of_seeds(seeds: Seeds) -> str:
    """Return the number of seeds of labels of an entry, after the number of seeds of pre-training if there are several.

    An entry with 2 seeds of pre-training and 3 of labels reads `2 × 3`.
    """
    of_labels = len(seeds[0])
    return str(of_labels) if len(seeds) == 1 else f"{len(seeds)} × {of_labels}"


def _deviation(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None
