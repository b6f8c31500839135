"""Choice of the figures that the report of a study shows for a task, and of the networks in them."""

from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.evaluation.plots import plot_roc
from hepjepa_weaver.evaluation.predictions import Predictions, read_label_names, read_predictions
from hepjepa_weaver.studies.cell_results import Results, seeds_of, summarise
from hepjepa_weaver.studies.cells import Cell, cells_of, groups
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.recipe_choice import chosen
from hepjepa_weaver.studies.study_figures import curves_of, plot_calibration, plot_confusion, plot_label_efficiency
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.study_tables import titles

MOST_LINES = 8
"""Largest number of lines in a figure; more cannot be told apart."""


def draw_figures(plan: StudyPlan, intact: Results, name: str, jets_in_all: int, folder: Path) -> dict[str, Path]:
    """Draw the figures of one task into `folder`, and return their paths by caption.

    The curves run over all numbers of labels. The other figures show the first seeds with most labels. They are left
    out where predictions were not kept.
    """
    task, labels, names = plan.tasks[name], plan.tasks[name].most_labels, titles(plan, name)
    ranked = _by_accuracy(plan, intact, name)
    shown = [group for group in groups(plan, name) if group in ranked[:MOST_LINES]]
    kinds = ("labels", "roc", "calibration", "confusion")
    paths = {kind: folder / f"{name}_{kind}.png" for kind in kinds}
    plot_label_efficiency(plan, intact, name, shown, jets_in_all, paths["labels"])
    which = "" if len(shown) == len(ranked) else f", the {MOST_LINES} networks of highest accuracy"
    of_labels = f"{_words(curves_of(intact, name))} by {task.counted}, with the standard deviation over seeds{which}"
    first = {group: cells_of(plan, name, group, labels)[0] for group in shown}
    if not all(prediction_path(plan, cell).is_file() for cell in first.values()):
        return {of_labels: paths["labels"]}
    networks = {names[group]: _prediction(plan, cell) for group, cell in first.items()}
    best = names[ranked[0]]
    plot_roc(networks, paths["roc"], task.background)
    plot_calibration(networks, paths["calibration"])
    plot_confusion(networks[best], best, paths["confusion"])
    captions = (
        of_labels,
        f"ROC curves, {labels} labels, seed {task.seeds[0]}{which}",
        f"Calibration, {labels} labels, seed {task.seeds[0]}{which}",
        f"Confusion, {labels} labels, seed {task.seeds[0]}",
    )
    return dict(zip(captions, paths.values(), strict=True))


def _by_accuracy(plan: StudyPlan, intact: Results, name: str) -> list[str]:
    """Return the groups of networks, sorted by accuracy with most labels, the highest first."""
    labels = plan.tasks[name].most_labels
    means = {
        group: summarise(seeds_of(plan, intact, name, group, labels), "accuracy").mean or 0.0
        for group in groups(plan, name)
    }
    return sorted(means, key=lambda group: -means[group])


def prediction_path(plan: StudyPlan, cell: Cell) -> Path:
    """Return the file with the prediction of a cell with its chosen recipe, which may not have been kept."""
    return Layout(plan).prediction(cell, chosen(plan, cell))


def _prediction(plan: StudyPlan, cell: Cell) -> Predictions:
    names = read_label_names(Path(plan.tasks[cell.task].data_config))
    return read_predictions(prediction_path(plan, cell), names)


def _words(names: Sequence[str]) -> str:
    """Return names as in a sentence: A, B and C."""
    sentence = " and ".join([", ".join(names[:-1]), names[-1]])
    return sentence[:1].upper() + sentence[1:]
