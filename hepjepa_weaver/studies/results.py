"""The measurements of a grid: read from the metrics of its cells, and summed up over seeds."""

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import plus_minus
from hepjepa_weaver.evaluation.bootstrap import Interval
from hepjepa_weaver.studies.layout import INTACT, Layout
from hepjepa_weaver.studies.plan import Cell, GridPlan


@dataclass(frozen=True)
class CellResult:
    """What was measured in one cell."""

    metrics: Mapping[str, Interval]
    jets_per_class: Mapping[str, int]


Results = Mapping[Cell, CellResult]


@dataclass(frozen=True)
class Summary:
    """A metric over seeds.

    mean: None where it is undefined for a seed. spread: standard deviation over seeds, None for one seed.
    test_error: half the width of the bootstrap interval, the mean over seeds; None where an end is undefined.
    """

    mean: float | None
    spread: float | None
    test_error: float | None


def read_results(plan: GridPlan) -> dict[str, Results]:
    """The results of all cells by what the test jets were: `intact`, or the name of a degradation.

    Raises UserError for results that are missing or damaged.
    """
    layout = Layout(plan)
    results = {INTACT: {cell: read_result(layout.metrics(cell)) for cell in plan.cells()}}
    for cell, name in plan.degraded_cells():
        results.setdefault(name, {})[cell] = read_result(layout.metrics(cell, name))
    return dict(results)


def read_result(path: Path) -> CellResult:
    """Read what `scripts/evaluate_predictions.py` wrote. Raises UserError for anything else."""
    try:
        content = json.loads(path.read_text())
        metrics = {str(name): Interval(**entry) for name, entry in content["metrics"].items()}
        return CellResult(metrics, dict(content["jets_per_class"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} holds no metrics: delete it and run snakemake again") from error


def summarise(results: list[CellResult], metric: str) -> Summary:
    """Return a metric over the seeds of an entry."""
    intervals = [result.metrics[metric] for result in results]
    values = [interval.value for interval in intervals if interval.value is not None]
    if len(values) < len(intervals):
        return Summary(None, None, None)
    widths = [i.high - i.low for i in intervals if i.high is not None and i.low is not None]
    return Summary(
        statistics.mean(values),
        statistics.stdev(values) if len(values) > 1 else None,
        statistics.mean(widths) / 2 if len(widths) == len(intervals) else None,
    )


def format_summary(summary: Summary) -> str:
    """Return `mean ± spread` with two significant digits of the spread, or `undefined`."""
    if summary.mean is None:
        return "undefined"
    if not summary.spread:
        return f"{summary.mean:.4g}"
    return plus_minus(summary.mean, summary.spread)
