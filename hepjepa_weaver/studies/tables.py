"""The tables of a grid's report."""

from collections.abc import Mapping

from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.studies.layout import INTACT, Layout
from hepjepa_weaver.studies.plan import ALL, Cell, GridPlan
from hepjepa_weaver.studies.rates import rate_in
from hepjepa_weaver.studies.results import CellResult, Results, format_summary, summarise


def entry(plan: GridPlan, results: Results, task: str, method: str, labels: str) -> list[CellResult]:
    """The results of all seeds of an entry."""
    return [results[Cell(task, method, labels, seed)] for seed in plan.tasks[task].seeds]


def metrics_by_network(plan: GridPlan, results: Results, task: str, labels: str) -> dict[str, dict[str, str]]:
    """Every metric, mean ± standard deviation over seeds, by the titles of the methods."""
    networks = {method.title: entry(plan, results, task, key, labels) for key, method in plan.methods.items()}
    return {
        title: {metric: format_summary(summarise(seeds, metric)) for metric in seeds[0].metrics}
        for title, seeds in networks.items()
    }


def results_table(plan: GridPlan, results: Results, task: str) -> str:
    """Every metric by number of labels and method."""
    first = next(result for cell, result in results.items() if cell.task == task)
    rows = [
        [labels, title, *metrics.values()]
        for labels in plan.tasks[task].counts()
        for title, metrics in metrics_by_network(plan, results, task, labels).items()
    ]
    return markdown_table(["labels a class", "network", *first.metrics], rows, words=2)


def errors_from_test_jets(plan: GridPlan, results: Results, task: str) -> str:
    """What the finite number of test jets adds to the figures of a task, in words."""
    first = next(result for cell, result in results.items() if cell.task == task)
    parts = []
    for metric in first.metrics:
        errors = [
            summarise(entry(plan, results, task, method, labels), metric).test_error
            for labels in plan.tasks[task].counts()
            for method in plan.methods
        ]
        known = [error for error in errors if error is not None]
        parts.append(f"{metric} {max(known):.2g}" if known else f"{metric} undefined")
    return ", ".join(parts)


def robustness_table(plan: GridPlan, results: Mapping[str, Results], task: str) -> str:
    """Accuracy of the networks of most labels on test jets with less in them."""
    labels, names = plan.tasks[task].most_labels, plan.tasks[task].degradations
    rows = []
    for name, method in plan.methods.items():
        tests = [results[jets] for jets in (INTACT, *names)]
        cells = [format_summary(summarise(entry(plan, test, task, name, labels), "accuracy")) for test in tests]
        rows.append([method.title, *cells])
    return markdown_table(["network", "as they are", *(plan.degradations[name].title for name in names)], rows, words=1)


def rates_table(plan: GridPlan, task: str) -> str:
    """The learning rates that validation jets chose."""
    counts = plan.tasks[task].counts()
    rows = [
        [
            method.title,
            ", ".join(f"{rate:g}" for rate in method.rates),
            *(chosen_rates(plan, task, name, labels) for labels in counts),
        ]
        for name, method in plan.methods.items()
    ]
    return markdown_table(["network", "rates tried", *(f"{labels} labels" for labels in counts)], rows, words=2)


def chosen_rates(plan: GridPlan, task: str, method: str, labels: str) -> str:
    """The rates of all seeds, each once."""
    cells = [Cell(task, method, labels, seed) for seed in plan.tasks[task].seeds]
    return ", ".join(dict.fromkeys(rate_in(Layout(plan).rate(cell)) for cell in cells))


def labels_in_all(plan: GridPlan, task: str, jets: int) -> str:
    """How many labels a class `all` stands for, in words; nothing where the task has no such entry."""
    return f"; `{ALL}` are {jets}" if plan.tasks[task].all_labels else ""


def pretrainings_list(plan: GridPlan) -> str:
    """The pre-trainings with what they saw."""
    return "\n".join(
        f"- `{name}`: {run.network}, {run.data_config}, {run.jets_seen} jets seen in batches of {run.batch_size}, "
        f"seed {run.seed}"
        for name, run in plan.pretrainings.items()
    )
