"""The tables of a study's report on test jets."""

from collections.abc import Mapping

from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.studies.cell_results import (
    CellResult,
    Results,
    Seeds,
    format_summary,
    number_of_seeds,
    seeds_of,
    summarise,
)
from hepjepa_weaver.studies.cells import groups
from hepjepa_weaver.studies.layout import INTACT
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_task import ALL

UNKNOWN = "–"
TOLD_APART = ("accuracy", "AUC")
"""Metrics whose standard deviations are shown for both kinds of seeds."""


def first_result(results: Results, task: str) -> CellResult:
    """Return any result of a task; all have the same metrics of the same number of test jets."""
    return next(result for cell, result in results.items() if cell.task == task)


def titles(plan: StudyPlan, task: str) -> dict[str, str]:
    """Return the titles of the final networks of a task, by group."""
    return {group: members[0].title for group, members in groups(plan, task).items()}


def metrics_by_network(plan: StudyPlan, results: Results, task: str, labels: str) -> dict[str, dict[str, str]]:
    """Return every metric, mean ± standard deviation over seeds, by the titles of the networks."""
    return {
        title: {
            metric: format_summary(summarise(seeds_of(plan, results, task, group, labels), metric))
            for metric in first_result(results, task).metrics
        }
        for group, title in titles(plan, task).items()
    }


def results_table(plan: StudyPlan, results: Results, task: str) -> str:
    """Return the table of every metric by number of labels and network, with the number of seeds."""
    metrics = list(first_result(results, task).metrics)
    rows = []
    for labels in plan.tasks[task].counts():
        for group, title in titles(plan, task).items():
            seeds = seeds_of(plan, results, task, group, labels)
            figures = [format_summary(summarise(seeds, metric)) for metric in metrics]
            rows.append([labels, title, number_of_seeds(seeds), *figures])
    return markdown_table([plan.tasks[task].counted, "network", "seeds", *metrics], rows, words=2)


def spreads_table(plan: StudyPlan, results: Results, task: str) -> str:
    """Return the table of standard deviations over seeds of pre-training beside those over seeds of labels.

    It is empty if no pre-training was repeated.
    """
    rows = []
    for labels in plan.tasks[task].counts():
        for group, members in groups(plan, task).items():
            seeds = seeds_of(plan, results, task, group, labels)
            if len(members) > 1:
                row = [labels, members[0].title, str(len(members)), str(len(seeds[0]))]
                rows.append(row + [cell for metric in TOLD_APART for cell in _spreads(seeds, metric)])
    heads = [f"{metric}, {over}" for metric in TOLD_APART for over in ("over pre-trainings", "over labels")]
    return (
        markdown_table(
            [plan.tasks[task].counted, "network", "pre-training seeds", "label seeds", *heads], rows, words=2
        )
        if rows
        else ""
    )


def errors_from_test_jets(plan: StudyPlan, results: Results, task: str) -> str:
    """Return the largest error that the finite number of test jets adds to each metric of a task, in words."""
    parts = []
    for metric in first_result(results, task).metrics:
        errors = [
            summarise(seeds_of(plan, results, task, group, labels), metric).test_error
            for labels in plan.tasks[task].counts()
            for group in groups(plan, task)
        ]
        known = [error for error in errors if error is not None]
        parts.append(f"{metric} {max(known):.2g}" if known else f"{metric} undefined")
    return ", ".join(parts)


def robustness_table(plan: StudyPlan, results: Mapping[str, Results], task: str) -> str:
    """Return the table of the accuracy on intact and degraded test jets, for the networks of most labels."""
    labels, names = plan.tasks[task].most_labels, plan.tasks[task].degradations
    rows = []
    for group, title in titles(plan, task).items():
        tests = [results[jets] for jets in (INTACT, *names)]
        entries = [seeds_of(plan, test, task, group, labels) for test in tests]
        rows.append([title, *(format_summary(summarise(seeds, "accuracy")) for seeds in entries)])
    return markdown_table(["network", "as they are", *(plan.degradations[name].title for name in names)], rows, words=1)


def what_labels_are(plan: StudyPlan, name: str, jets_in_all: int) -> str:
    """Return in words what the numbers of labels of a task count, and how many per class `all` stands for."""
    task = plan.tasks[name]
    if task.mixture:
        return f"Signal jets are in one of two mixtures, which have {task.background_jets} background jets together"
    return f"Labels are jets of each class{labels_in_all(plan, name, jets_in_all)}"


def labels_in_all(plan: StudyPlan, name: str, jets: int) -> str:
    """Return in words how many labels per class `all` stands for; empty if the task has no such entry."""
    return f"; `{ALL}` are {jets}" if plan.tasks[name].all_labels else ""


def _spreads(seeds: Seeds, metric: str) -> list[str]:
    summary = summarise(seeds, metric)
    spreads = (summary.pretraining_spread, summary.label_spread)
    return [UNKNOWN if spread is None else f"{spread:.2g}" for spread in spreads]
