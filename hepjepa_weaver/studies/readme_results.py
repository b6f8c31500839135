"""The short version of a study's report, for a page that has a place for it."""

from collections.abc import Mapping
from pathlib import Path

from hepjepa_weaver.common.environment import hardware
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.studies.cell_results import Results, number_of_seeds, read_results, seeds_of
from hepjepa_weaver.studies.cells import groups
from hepjepa_weaver.studies.jet_commands import labels_of_all
from hepjepa_weaver.studies.layout import INTACT
from hepjepa_weaver.studies.pretraining_tables import pretrainings_list
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.study_tables import labels_in_all, metrics_by_network, robustness_table
from hepjepa_weaver.studies.wall_times import total_hours, training_times

SHOWN = ("accuracy", "AUC")
PRODUCT = " (pre-training × labels)"


def summary(plan: StudyPlan, plan_file: Path) -> str:
    """Return accuracy and AUC of every task in Markdown, one row for each network, with the command behind them.

    Raises:
        UserError: results are missing or damaged.
    """
    results = read_results(plan)
    tables = [table for task in plan.tasks for table in _tables(plan, results, task)]
    command = f"hepjepa study {plan_file} --cores 2"
    hours = f"{total_hours(training_times(plan)):.1f} hours of trainings, summed up"
    made_with = f"`{command}`, encoder size `{plan.size}`, on {hardware()}: {hours}. Pre-trained without labels:"
    return "\n\n".join([*tables, made_with, pretrainings_list(plan)])


def insert(page: Path, name: str, text: str) -> None:
    """Put `text` between the comments `<!-- begin NAME -->` and `<!-- end NAME -->` of a page.

    Raises:
        UserError: the page lacks one of the comments, or has them in the other order.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    content = page.read_text()
    before, found_begin, rest = content.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise UserError(f"{page} has no place for this study: write {begin} and {end} where it belongs")
    with written_whole(page) as temporary:
        temporary.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _tables(plan: StudyPlan, results: Mapping[str, Results], name: str) -> list[str]:
    """Return the tables of one task, by number of labels and on degraded test jets.

    Entries are mean ± standard deviation over seeds.
    """
    task, intact = plan.tasks[name], results[INTACT]
    test_jets = next(sum(result.jets_per_class.values()) for cell, result in intact.items() if cell.task == name)
    heads = [task.title, *(f"{metric}, {labels} labels" for metric in SHOWN for labels in task.counts())]
    by_labels = [metrics_by_network(plan, intact, name, labels) for labels in task.counts()]
    rows = [[title, *(networks[title][metric] for metric in SHOWN for networks in by_labels)] for title in by_labels[0]]
    jets_in_all = labels_of_all(plan, name) if task.all_labels else 0
    size = f"{_seeds(plan, intact, name)} seeds, {test_jets} test jets; labels are jets of each class"
    return [
        markdown_table(heads, rows, words=1),
        f"{size}{labels_in_all(plan, name, jets_in_all)}.",
        *(_degraded(plan, results, name) if task.degradations else []),
    ]


def _degraded(plan: StudyPlan, results: Mapping[str, Results], name: str) -> list[str]:
    return [
        f"Accuracy of the networks of {plan.tasks[name].most_labels} labels on degraded test jets:",
        robustness_table(plan, results, name),
    ]


def _seeds(plan: StudyPlan, results: Results, name: str) -> str:
    """Return the numbers of seeds of a task's networks, each once."""
    labels = plan.tasks[name].counts()[0]
    found = [number_of_seeds(seeds_of(plan, results, name, group, labels)) for group in groups(plan, name)]
    return " or ".join(sorted(dict.fromkeys(found), key=len)) + (PRODUCT if any("×" in text for text in found) else "")
