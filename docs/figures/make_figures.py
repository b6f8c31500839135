#!/usr/bin/env python3
"""Make the figures of README and docs/ from the CSV files beside this script, and print the table of labels saved.

python docs/figures/make_figures.py
"""

import csv
import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

FOLDER = Path(__file__).parent
ACCURACY = FOLDER / "minijetclass_accuracy.csv"
COLLAPSE = FOLDER / "collapse.csv"
FINE_TUNED, SAME_NETWORK = "HEP-JEPA, fine-tuned", "the same network from scratch"
REFERENCES = (SAME_NETWORK, "ParT from scratch", "ParticleNet-Lite from scratch")
STYLES = {
    FINE_TUNED: ("#0072b2", "o", "-"),
    SAME_NETWORK: ("#d55e00", "s", "--"),
    "ParticleNet-Lite from scratch": ("#009e73", "^", "--"),
    "ParT from scratch": ("#cc79a7", "v", "--"),
    "HEP-JEPA, frozen": ("#56b4e9", "D", ":"),
}
Curve = Mapping[int, tuple[float, float]]
"""Accuracy and its spread by the number of labels of each class."""


def read_curves(path: Path = ACCURACY) -> dict[str, Curve]:
    """Return the curve of every network."""
    curves: dict[str, dict[int, tuple[float, float]]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            point = float(row["accuracy"]), float(row["spread"])
            curves.setdefault(row["network"], {})[int(row["labels_per_class"])] = point
    return curves


def labels_needed(curve: Curve, accuracy: float) -> float | None:
    """Return how many labels a curve needs for an accuracy, linear in their logarithm; None beyond its last point."""
    points = [(labels, value) for labels, (value, _) in sorted(curve.items())]
    for (fewer, below), (more, above) in pairwise(points):
        if below <= accuracy <= above:
            return fewer * (more / fewer) ** ((accuracy - below) / (above - below))
    return None


def saved_labels_table(curves: Mapping[str, Curve]) -> str:
    """Return the labels that each network from scratch needs to be as good as fine-tuning, in Markdown."""
    lines = ["| labels a class, fine-tuned | " + " | ".join(REFERENCES) + " |", "| ---: " * 4 + "|"]
    for labels, (accuracy, _) in sorted(curves[FINE_TUNED].items()):
        needed = [_rounded(labels_needed(curves[name], accuracy), max(curves[name])) for name in REFERENCES]
        lines.append(f"| {labels} | " + " | ".join(needed) + " |")
    return "\n".join(lines)


def _rounded(labels: float | None, most: int) -> str:
    if labels is None:
        return f"more than {most}"
    unit = 10 ** (math.floor(math.log10(labels)) - 1)
    return str(round(labels / unit) * unit)


def plot_accuracy(curves: Mapping[str, Curve], path: Path) -> None:
    """Draw accuracy against the number of labels."""
    figure, axes = plt.subplots(figsize=(6.4, 3.9), layout="constrained")
    for name, (colour, marker, line) in STYLES.items():
        labels = sorted(curves[name])
        values, spreads = zip(*(curves[name][number] for number in labels), strict=True)
        axes.errorbar(labels, values, spreads, label=name, color=colour, marker=marker, linestyle=line, capsize=2)
    axes.set_xscale("log")
    axes.set_xticks(sorted(curves[FINE_TUNED]), [str(number) for number in sorted(curves[FINE_TUNED])])
    axes.minorticks_off()
    axes.set_xlabel("labels of each class")
    axes.set_ylabel("accuracy, ten classes")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    axes.set_title("MiniJetClass, 5000 test jets, mean ± standard deviation of 3 seeds", fontsize=9)
    _save(figure, path)


RUNS = {"healthy": ("#0072b2", "o", "-"), "collapsed": ("#d55e00", "s", "--")}
MEASURES = {
    "event_target_std": ("standard deviation of\nwhole jets' targets", 1.0),
    "effective_rank": ("effective rank, of 64", 64.0),
    "probe": ("accuracy of the linear probe", 1.0),
}
"""Titles and largest values of the measures drawn, by column."""


def read_collapse(path: Path = COLLAPSE) -> dict[str, list[dict[str, float]]]:
    """Return the measures of each run, in the order of the jets seen."""
    runs: dict[str, list[dict[str, float]]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            runs.setdefault(row.pop("run"), []).append({name: float(value) for name, value in row.items()})
    return runs


def plot_collapse(path: Path) -> None:
    """Draw what tells a collapsed pre-training from a healthy one."""
    figure, panels = plt.subplots(1, len(MEASURES), figsize=(8.6, 2.6), layout="constrained")
    for axes, (measure, (title, most)) in zip(panels, MEASURES.items(), strict=True):
        for run, points in read_collapse().items():
            colour, marker, line = RUNS[run]
            jets = [point["jets_seen"] / 1000 for point in points]
            values = [point[measure] for point in points]
            axes.plot(jets, values, label=run, color=colour, marker=marker, linestyle=line)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("jets seen, thousands", fontsize=9)
        axes.set_ylim(0, most)
        axes.grid(alpha=0.3)
    panels[1].legend(frameon=False, fontsize=9, loc="upper right")
    _save(figure, path)


BOXES = {
    "jets": (0.0, 1.0, "jets\n(N, features,\nparticles)"),
    "mask": (2.2, 1.0, "mask\nparticles"),
    "context": (4.7, 2.0, "context encoder\n(ParT)"),
    "target": (4.7, 0.0, "target encoder\n(ParT, no gradient)"),
    "predictor": (6.95, 2.0, "predictor"),
    "linear": (6.95, 3.2, "linear layer"),
    "event": (9.2, 1.0, "event loss:\nembedding\nof the jet"),
    "composition": (9.2, 3.2, "composition:\nkinds of masked\nparticles"),
}
ARROWS = (
    ("jets", "mask", ""),
    ("mask", "context", "visible"),
    ("mask", "target", "all"),
    ("context", "predictor", "tokens"),
    ("context", "linear", "mean token"),
    ("linear", "composition", "told"),
    ("predictor", "event", "predicted"),
    ("target", "event", "target"),
)
HALF_WIDTH, HALF_HEIGHT = 0.8, 0.38


def plot_data_flow(path: Path) -> None:
    """Draw what HEP-JEPA does with a batch."""
    figure, axes = plt.subplots(figsize=(8.6, 3.6), layout="constrained")
    for x, y, text in BOXES.values():
        place = (x - HALF_WIDTH, y - HALF_HEIGHT)
        style = {"boxstyle": "round,pad=0.04", "facecolor": "#eef4fa", "edgecolor": "#0072b2"}
        axes.add_patch(FancyBboxPatch(place, 2 * HALF_WIDTH, 2 * HALF_HEIGHT, **style))
        axes.text(x, y, text, ha="center", va="center", fontsize=9)
    for start, end, label in ARROWS:
        _arrow(axes, *_ends(start, end), label)
    _arrow(axes, (4.7, 2 - HALF_HEIGHT - 0.06), (4.7, HALF_HEIGHT + 0.06), "", linestyle="--")
    axes.text(4.8, 1.0, "moving average,\nonce a step", ha="left", va="center", fontsize=8)
    axes.set_xlim(-0.9, 10.1)
    axes.set_ylim(-0.55, 3.75)
    axes.axis("off")
    _save(figure, path)


def _ends(start: str, end: str) -> tuple[tuple[float, float], tuple[float, float]]:
    (x0, y0, _), (x1, y1, _) = BOXES[start], BOXES[end]
    return (x0 + HALF_WIDTH + 0.06, y0), (x1 - HALF_WIDTH - 0.06, y1)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], label: str, linestyle: str = "-") -> None:
    style = {"arrowstyle": "-|>", "mutation_scale": 12, "color": "#444444", "linestyle": linestyle}
    axes.add_patch(FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **style))
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    rise = end[1] - start[1]
    if rise == 0:
        axes.text(x, y + 0.15, label, ha="center", va="center", fontsize=8)
    else:
        axes.text(x - 0.08, y + 0.15 * (1 if rise > 0 else -1), label, ha="right", va="center", fontsize=8)


def _save(figure: plt.Figure, path: Path) -> None:
    """Save with nothing that differs from run to run: no date, no random names."""
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


def make_figures(folder: Path) -> Iterator[Path]:
    """Write the figures to a folder and return their paths."""
    matplotlib.rcParams["svg.hashsalt"] = "hepjepa_weaver"
    figures = {
        "accuracy.svg": lambda path: plot_accuracy(read_curves(), path),
        "data_flow.svg": plot_data_flow,
        "collapse.svg": plot_collapse,
    }
    for name, plot in figures.items():
        plot(folder / name)
        yield folder / name


def main() -> None:
    for path in make_figures(FOLDER):
        print(path)
    print(saved_labels_table(read_curves()))


if __name__ == "__main__":
    main()
