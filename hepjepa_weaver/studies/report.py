"""The report of a grid in Markdown, with its figures beside it, from the files that the workflow leaves."""

from collections.abc import Mapping
from pathlib import Path

from hepjepa_weaver.common.environment import made_with
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.evaluation.plots import plot_roc
from hepjepa_weaver.evaluation.predictions import Predictions, read_label_names, read_predictions
from hepjepa_weaver.evaluation.published import published_table
from hepjepa_weaver.studies import commands
from hepjepa_weaver.studies.command_list import all_commands
from hepjepa_weaver.studies.figures import plot_calibration, plot_confusion, plot_label_efficiency
from hepjepa_weaver.studies.layout import INTACT, Layout
from hepjepa_weaver.studies.plan import ALL, Cell, GridPlan
from hepjepa_weaver.studies.rates import rate_in
from hepjepa_weaver.studies.results import Results, read_results, summarise
from hepjepa_weaver.studies.tables import (
    entry,
    errors_from_test_jets,
    labels_in_all,
    metrics_by_network,
    pretrainings_list,
    rates_table,
    results_table,
    robustness_table,
)
from hepjepa_weaver.studies.times import hours_table, training_times

COMMANDS = "commands.txt"
METRICS = (
    "Accuracy: the highest score is that of the true class. AUC: unweighted mean over class pairs of the one-vs-one "
    "AUC. ECE: expected calibration error in 15 bins. Other columns: background rejection 1/FPR at the stated signal "
    "efficiency, from the score p_signal / (p_signal + p_background); undefined where no background jet passes for a "
    "seed."
)


def write_report(plan: GridPlan, plan_file: Path, path: Path) -> None:
    """Write the report of a finished grid to `path`. Raises UserError for results that are missing or damaged."""
    results = read_results(plan)
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = [_head(plan, plan_file)]
    for task in plan.tasks:
        sections += _task(plan, results, task, path.parent)
    sections += [f"## Time\n\n{hours_table(training_times(plan))}", _commands(plan, path.parent), made_with()]
    with written_whole(path) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n")


def _head(plan: GridPlan, plan_file: Path) -> str:
    return (
        f"# Evaluation grid\n\nMade from `{plan_file}`: encoder size `{plan.size}`; figures are mean ± standard "
        f"deviation over seeds of weights and batches, each with its own draw of labels (the same where `{ALL}` are "
        "used). There is one network of each pre-training: what another seed of it would change is not in the errors. "
        f"All methods had {len(next(iter(plan.methods.values())).rates)} learning rates, tried with the first seed (of "
        f"a data set in one piece with each) and chosen by validation jets for every number of labels. {METRICS}\n\n"
        f"Pre-trainings:\n\n{pretrainings_list(plan)}"
    )


def _task(plan: GridPlan, results: Mapping[str, Results], name: str, folder: Path) -> list[str]:
    """The sections of one task, and its figures in `folder`."""
    task, intact = plan.tasks[name], results[INTACT]
    jets = next(result.jets_per_class for cell, result in intact.items() if cell.task == name)
    jets_in_all = commands.labels_of_all(plan, name) if task.all_labels else 0
    figures = _figures(plan, intact, name, jets_in_all, folder)
    sections = [
        f"## {task.title}\n\n{len(task.seeds)} seeds. Test jets: {', '.join(f'{k} {n}' for k, n in jets.items())}. "
        f"Labels are jets of each class{labels_in_all(plan, name, jets_in_all)}.",
        results_table(plan, intact, name),
        "The finite number of test jets adds, by bootstrap and at most, where it is defined, an error of: "
        f"{errors_from_test_jets(plan, intact, name)}.",
        *(f"![{caption}]({figure.name})" for caption, figure in figures.items()),
    ]
    if task.degradations:
        sections.append(f"### Robustness\n\nAccuracy of the networks of {task.most_labels} labels.")
        sections.append(robustness_table(plan, results, name))
        sections += [published_table("Robustness")] if task.published == "JetClass" else []
    sections.append(f"### Learning rates chosen\n\n{rates_table(plan, name)}")
    if task.published:
        sections.append(f"### Beside published results on {task.published}\n\nOurs with {task.most_labels} labels.")
        sections.append(published_table(task.published, metrics_by_network(plan, intact, name, task.most_labels)))
        sections += [published_table("Labels")] if task.published == "JetClass" else []
    return sections


def _figures(plan: GridPlan, intact: Results, name: str, jets_in_all: int, folder: Path) -> dict[str, Path]:
    """The figures of one task by caption: curves of all labels, the rest of the first seed with most labels."""
    task, labels = plan.tasks[name], plan.tasks[name].most_labels
    networks = {
        method.title: _prediction(plan, Cell(name, key, labels, task.seeds[0])) for key, method in plan.methods.items()
    }
    best = max(plan.methods, key=lambda key: summarise(entry(plan, intact, name, key, labels), "accuracy").mean or 0)
    title = plan.methods[best].title
    kinds = ("labels", "roc", "calibration", "confusion")
    paths = {kind: folder / f"{name}_{kind}.png" for kind in kinds}
    plot_label_efficiency(plan, intact, name, jets_in_all, paths["labels"])
    plot_roc(networks, paths["roc"], task.background)
    plot_calibration(networks, paths["calibration"])
    plot_confusion(networks[title], title, paths["confusion"])
    captions = (
        "Accuracy and AUC by labels, with the standard deviation over seeds",
        f"ROC curves, {labels} labels, seed {task.seeds[0]}",
        f"Calibration, {labels} labels, seed {task.seeds[0]}",
        f"Confusion, {labels} labels, seed {task.seeds[0]}",
    )
    return dict(zip(captions, paths.values(), strict=True))


def _prediction(plan: GridPlan, cell: Cell) -> Predictions:
    layout = Layout(plan)
    rate = rate_in(layout.rate(cell))
    names = read_label_names(Path(plan.tasks[cell.task].data_config))
    return read_predictions(layout.prediction(cell, rate), names)


def _commands(plan: GridPlan, folder: Path) -> str:
    """Write all commands to a file in `folder`; show the pre-trainings and, of each method, the first training."""
    with written_whole(folder / COMMANDS) as temporary:
        temporary.write_text("\n".join(all_commands(plan)) + "\n")
    lines = [commands.pretrain(plan, name) for name in plan.pretrainings]
    for name, task in plan.tasks.items():
        cells = [Cell(name, key, task.counts()[0], task.seeds[0]) for key in plan.methods]
        lines += [commands.train(plan, cell, rate_in(Layout(plan).rate(cell))) for cell in cells]
    return (
        f"## Commands\n\nAll of them, one a line: [{COMMANDS}]({COMMANDS}). The pre-trainings, and of each network the "
        "training with fewest labels, first seed:\n\n```text\n" + "\n".join(lines) + "\n```"
    )
