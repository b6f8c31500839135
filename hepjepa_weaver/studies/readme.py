"""The short version of a grid's report, for a README that has a place for it."""

from collections.abc import Mapping
from pathlib import Path

from hepjepa_weaver.common.environment import hardware
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.studies import commands
from hepjepa_weaver.studies.layout import INTACT
from hepjepa_weaver.studies.plan import GridPlan
from hepjepa_weaver.studies.results import Results, read_results
from hepjepa_weaver.studies.tables import labels_in_all, metrics_by_network, pretrainings_list, robustness_table
from hepjepa_weaver.studies.times import total_hours, training_times

SHOWN = ("accuracy", "AUC")


def summary(plan: GridPlan, plan_file: Path) -> str:
    """Accuracy and AUC of every task in Markdown, a row a method, with what made them."""
    results = read_results(plan)
    tables = [table for task in plan.tasks for table in _tables(plan, results, task)]
    command = f"snakemake -s scripts/grids/Snakefile --config plan={plan_file} -c2"
    hours = f"{total_hours(training_times(plan)):.1f} hours of trainings, summed up"
    made_with = f"`{command}`, encoder size `{plan.size}`, on {hardware()}: {hours}. Pre-trained without labels:"
    return "\n\n".join([*tables, made_with, pretrainings_list(plan)])


def insert(readme: Path, name: str, text: str) -> None:
    """Put `text` between the comments `<!-- begin NAME -->` and `<!-- end NAME -->` of a README.

    Raises UserError where it has them not, or not in this order.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    content = readme.read_text()
    before, found_begin, rest = content.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise UserError(f"{readme} has no place for this grid: write {begin} and {end} where it belongs")
    with written_whole(readme) as temporary:
        temporary.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _tables(plan: GridPlan, results: Mapping[str, Results], name: str) -> list[str]:
    """One task: mean ± standard deviation over seeds by number of labels; degraded test jets."""
    task, intact = plan.tasks[name], results[INTACT]
    test_jets = next(sum(result.jets_per_class.values()) for cell, result in intact.items() if cell.task == name)
    heads = [task.title, *(f"{metric}, {labels} labels" for metric in SHOWN for labels in task.counts())]
    by_labels = [metrics_by_network(plan, intact, name, labels) for labels in task.counts()]
    rows = [[title, *(networks[title][metric] for metric in SHOWN for networks in by_labels)] for title in by_labels[0]]
    jets_in_all = commands.labels_of_all(plan, name) if task.all_labels else 0
    size = f"{len(task.seeds)} seeds, {test_jets} test jets; labels are jets of each class"
    return [
        markdown_table(heads, rows, words=1),
        f"{size}{labels_in_all(plan, name, jets_in_all)}.",
        *(_degraded(plan, results, name) if task.degradations else []),
    ]


def _degraded(plan: GridPlan, results: Mapping[str, Results], name: str) -> list[str]:
    return [
        f"Accuracy of the networks of {plan.tasks[name].most_labels} labels on degraded test jets:",
        robustness_table(plan, results, name),
    ]
