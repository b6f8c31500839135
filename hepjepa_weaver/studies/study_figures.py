"""The figures of a study's report. Each function returns the matplotlib figure that it saved."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hepjepa_weaver.evaluation.calibration import bin_jets
from hepjepa_weaver.evaluation.canvas import INCHES_A_LETTER, legend_below, line, panels, save
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.significance import SIGNIFICANCE
from hepjepa_weaver.studies.cell_results import Results, Summary, seeds_of, summarise
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.study_tables import first_result, titles
from hepjepa_weaver.studies.tagging_task import ALL

CURVES = ("accuracy", "AUC")


def plot_label_efficiency(
    plan: StudyPlan, results: Results, task: str, shown: Sequence[str], jets_in_all: int, path: Path
) -> Any:
    """Draw accuracy, AUC and, of mixtures, significance against the labels per class, one line for each network.

    A band shows one standard deviation over seeds. With a single number of labels, the networks stand side by side.

    Args:
        plan: the study.
        results: results on intact test jets.
        task: name of the task.
        shown: groups of networks to draw.
        jets_in_all: jets per class that `all` labels stand for.
        path: PNG file to write.

    Raises:
        UserError: matplotlib is missing.
    """
    names = titles(plan, task)
    counts = plan.tasks[task].counts()
    labels = [jets_in_all if count == ALL else int(count) for count in counts]
    curves, counted = curves_of(results, task), plan.tasks[task].counted
    figure, axes = panels(len(curves), columns=len(curves))
    for panel, metric in zip(axes, curves, strict=True):
        for index, group in enumerate(shown):
            points = [summarise(seeds_of(plan, results, task, group, count), metric) for count in counts]
            mean, spread = _means_and_spreads(points)
            style = line(index)
            if len(labels) == 1:
                panel.errorbar([index], mean, spread, marker="o", capsize=4, label=names[group], **style)
                continue
            panel.plot(labels, mean, marker=".", label=names[group], **style)
            panel.fill_between(labels, mean - spread, mean + spread, color=style["color"], alpha=0.2, linewidth=0)
        panel.set(ylabel=metric)
        if len(labels) == 1:
            panel.set(xlabel=f"{labels[0]} {counted}", xticks=[], xlim=(-0.5, len(shown) - 0.5))
        else:
            panel.set(xscale="log", xlabel=counted)
            panel.set_xticks(labels, [str(number) for number in labels], minor=False)
            panel.minorticks_off()
    legend_below(figure, axes[0])
    return save(figure, path)


def curves_of(results: Results, task: str) -> list[str]:
    """Return the metrics of a task to draw against the number of labels."""
    return [*CURVES, *(name for name in first_result(results, task).metrics if name.startswith(SIGNIFICANCE))]


def plot_calibration(networks: Mapping[str, Predictions], path: Path) -> Any:
    """Draw accuracy against confidence, one line for each network; a network below the diagonal is overconfident.

    Raises:
        UserError: matplotlib is missing.
    """
    figure, (panel,) = panels(1, columns=1)
    panel.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    for index, (name, predictions) in enumerate(networks.items()):
        diagram = bin_jets(predictions).reliability()
        filled = diagram.n_jets > 0
        panel.plot(diagram.confidence[filled], diagram.accuracy[filled], marker=".", label=name, **line(index))
    panel.set(xlabel="probability of the class assigned", ylabel="fraction assigned rightly", xlim=(0, 1), ylim=(0, 1))
    panel.legend(fontsize="x-small", frameon=False)
    return save(figure, path)


def plot_confusion(predictions: Predictions, title: str, path: Path) -> Any:
    """Draw the confusion matrix: true classes in rows, assigned classes in columns, as fractions of the row.

    Raises:
        UserError: matplotlib is missing.
    """
    names = predictions.class_names
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (predictions.labels, predictions.scores.argmax(axis=1)), 1)
    fractions = counts / counts.sum(axis=1, keepdims=True)
    figure, (panel,) = panels(1, columns=1)
    width = max(1.5 + 0.55 * len(names), INCHES_A_LETTER * len(title))
    figure.set_size_inches(width, 1.2 + 0.5 * len(names))
    figure.suptitle(title, fontsize="medium")
    panel.imshow(fractions, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for row, column in np.ndindex(*fractions.shape):
        dark = fractions[row, column] > 0.5
        value = f"{fractions[row, column]:.2f}"
        panel.text(column, row, value, ha="center", va="center", fontsize=7, color="white" if dark else "black")
    panel.set_xticks(range(len(names)), names, rotation=45, ha="right")
    panel.set_yticks(range(len(names)), names)
    panel.set(xlabel="assigned class", ylabel="true class")
    return save(figure, path)


def _means_and_spreads(points: list[Summary]) -> tuple[Any, Any]:
    mean = np.array([np.nan if point.mean is None else point.mean for point in points])
    return mean, np.array([point.spread or 0.0 for point in points])
