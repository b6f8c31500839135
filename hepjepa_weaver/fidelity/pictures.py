"""Histograms of observables with their ratio to the reference, and of reconstruction errors, as PNG files.

The ranges are those of OmniJet-α's evaluation (arXiv:2403.05618), where it has one. Values out of range are not drawn.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hepjepa_weaver.evaluation.canvas import legend_below, line, panels, panels_with_ratios, save
from hepjepa_weaver.fidelity.observables import (
    D2,
    DETA,
    DPHI,
    ETA,
    MASS,
    MULTIPLICITY,
    OBSERVABLES,
    PARTICLE_PT,
    PHI,
    PT,
    TAU21,
    TAU32,
    UNITS,
    Observables,
    Quantity,
)
from hepjepa_weaver.fidelity.particles import Floats

RANGES = {
    PT: (450.0, 1050.0),
    ETA: (-0.1, 0.05),
    PHI: (-0.05, 0.05),
    MASS: (0.0, 300.0),
    TAU21: (0.0, 1.1),
    TAU32: (0.0, 1.1),
    D2: (0.0, 10.0),
    MULTIPLICITY: (0.0, 130.0),
    PARTICLE_PT: (0.3, 600.0),
    DETA: (-0.8, 0.8),
    DPHI: (-0.8, 0.8),
}
ERROR_RANGES = {
    PT: 50.0,
    ETA: 0.05,
    PHI: 0.05,
    MASS: 50.0,
    TAU21: 0.5,
    TAU32: 0.5,
    D2: 2.0,
    PARTICLE_PT: 5.0,
    DETA: 0.3,
    DPHI: 0.3,
}
"""Largest |error| that is drawn."""
LOGARITHMIC = (ETA, PHI, PARTICLE_PT, DETA, DPHI)
"""Observables with a logarithmic y axis."""
RATIO_RANGE = (0.55, 1.45)
NUM_BINS = 40
COLUMNS = 4


def draw_observables(samples: Mapping[str, Observables], reference: str, path: Path) -> Any:
    """Draw the observables of all samples and their ratio to the sample named `reference`; return the figure.

    Raises:
        UserError: matplotlib is missing.
    """
    names = [reference, *(name for name in samples if name != reference)]
    figure, pairs = panels_with_ratios(len(OBSERVABLES), COLUMNS)
    for observable, (panel, below) in zip(OBSERVABLES, pairs, strict=True):
        edges = edges_of(observable, samples[reference][observable].values)
        counts = {name: np.histogram(samples[name][observable].values, edges)[0] for name in names}
        totals = {name: max(len(samples[name][observable].values), 1) for name in names}
        for index, name in enumerate(names):
            panel.stairs(counts[name] / totals[name], edges, label=name, **line(index))
            if index:
                _draw_ratio(below, edges, counts[name], counts[reference], totals[reference] / totals[name], index)
        _set_axes(panel, below, observable, edges)
        if observable in LOGARITHMIC:
            panel.set(yscale="log", ylim=(0.5 / max(totals.values()), 1))
    legend_below(figure, pairs[0][0])
    return save(figure, path)


def draw_errors(differences: Mapping[str, Quantity], path: Path) -> Any:
    """Draw the errors of reconstructed jets by observable; return the figure.

    Raises:
        UserError: matplotlib is missing.
    """
    return draw_all_errors({"": differences}, path)


def draw_all_errors(samples: Mapping[str, Mapping[str, Quantity]], path: Path) -> Any:
    """Draw the errors of several reconstructions of the same jets, given by title and observable; return the figure.

    Raises:
        UserError: matplotlib is missing.
    """
    observables = list(next(iter(samples.values())))
    figure, axes = panels(len(observables), COLUMNS)
    for observable, panel in zip(observables, axes, strict=True):
        edges = np.linspace(-ERROR_RANGES[observable], ERROR_RANGES[observable], NUM_BINS + 1)
        for index, (title, differences) in enumerate(samples.items(), start=len(samples) > 1):  # 0: the original jets
            values = differences[observable].values
            panel.stairs(np.histogram(values, edges)[0] / max(len(values), 1), edges, label=title, **line(index))
        panel.axvline(0, color="0.6", linewidth=0.8, zorder=0)
        panel.set(xlabel=f"error of {labelled(observable)}", ylabel="fraction per bin", xlim=(edges[0], edges[-1]))
    if len(samples) > 1:
        legend_below(figure, axes[0])
    return save(figure, path)


def edges_of(observable: str, reference: Floats) -> Floats:
    """Return the edges of the bins: of the usual range, or of the reference where most of it lies outside."""
    low, high = RANGES[observable]
    if len(reference) and np.mean((reference >= low) & (reference <= high)) < 0.5:
        low, high = (float(value) for value in np.quantile(reference, (0.0, 0.99)))
        high = high if high > low else low + 1.0
    if observable == PARTICLE_PT and low > 0:
        return np.geomspace(low, high, NUM_BINS + 1)
    if observable == MULTIPLICITY:
        return np.arange(np.floor(low), high + 1, max(round((high - low) / NUM_BINS), 1)) - 0.5
    return np.linspace(low, high, NUM_BINS + 1)


def labelled(observable: str) -> str:
    """Return the name of an observable with its unit."""
    return f"{observable} ({UNITS[observable]})" if observable in UNITS else observable


def _draw_ratio(panel: Any, edges: Floats, ours: Any, reference: Any, scale: float, index: int) -> None:
    """Draw the ratio with the statistical errors of both, where both have entries."""
    there = (ours > 0) & (reference > 0)
    ratio = scale * ours[there] / reference[there]
    errors = ratio * np.sqrt(1 / ours[there] + 1 / reference[there])
    centres = (edges[:-1] + edges[1:]) / 2
    style = {"color": f"C{index}", "markersize": 2.5, "elinewidth": 0.7, "linestyle": "none"}
    panel.errorbar(centres[there], ratio, errors, marker="o", **style)


def _set_axes(panel: Any, below: Any, observable: str, edges: Floats) -> None:
    panel.set(ylabel="fraction per bin", xlim=(edges[0], edges[-1]))
    if observable == PARTICLE_PT and edges[0] > 0:
        panel.set_xscale("log")
    else:
        panel.locator_params(axis="x", nbins=6)
    below.axhline(1, color="0.6", linewidth=0.8, zorder=0)
    below.set(xlabel=labelled(observable), ylabel="ratio", ylim=RATIO_RANGE)
