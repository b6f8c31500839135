"""The picture of what codes stand for: clouds of particles for some codes, and the spread of all probed ones.

Shapes: K probed codes, R contexts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hepjepa_weaver.evaluation.canvas import panels, save
from hepjepa_weaver.generation.token_coverage import QUANTITIES, Coverage

CLOUDS = 20
"""Number of codes that are drawn with all their particles."""
PLANE = (-0.8, 0.8)
"""Range of Δη and Δφ."""
LOG_PT = (-2.0, 7.0)
"""Range of ln pT (pT in GeV)."""
SPREAD_RANGE = (1e-4, 2.0)


def draw_coverage(coverages: Mapping[str, Coverage], path: Path) -> Any:
    """Draw a row of three panels for each tokenizer, by title; return the figure.

    Raises:
        UserError: matplotlib is missing.
    """
    figure, axes = panels(3 * len(coverages), 3)
    for row, (title, coverage) in enumerate(coverages.items()):
        plane, energy, spread = axes[3 * row : 3 * row + 3]
        _draw_clouds(plane, coverage, 1, 2)
        plane.set(xlabel="Δη", ylabel="Δφ", xlim=PLANE, ylim=PLANE, title=title)
        _draw_clouds(energy, coverage, 1, 0)
        energy.set(xlabel="Δη", ylabel="ln pT (pT in GeV)", xlim=PLANE, ylim=LOG_PT)
        _draw_spread(spread, coverage)
    return save(figure, path)


def _draw_clouds(panel: Any, coverage: Coverage, x: int, y: int) -> None:
    """Draw the mean of all codes in grey, and the particles of some in colours."""
    means = coverage.values.mean(axis=1)
    panel.plot(means[:, x], means[:, y], ".", color="0.8", markersize=2, zorder=0)
    for index in np.linspace(0, len(means) - 1, min(CLOUDS, len(means))).astype(int):
        values = coverage.values[index]
        panel.plot(values[:, x], values[:, y], ".", markersize=4, alpha=0.5, markeredgewidth=0)


def _draw_spread(panel: Any, coverage: Coverage) -> None:
    """Draw how the standard deviation within a code is distributed over the codes; 0 is drawn at the left edge."""
    low, high = SPREAD_RANGE
    edges = np.geomspace(low, high, 41)
    for index, name in enumerate(QUANTITIES):
        values = np.clip(coverage.spread[:, index], low, high)
        panel.stairs(np.histogram(values, edges)[0] / len(values), edges, label=name, color=f"C{index}")
    name = "standard deviation within a code (0: left edge)"
    panel.set(xscale="log", xlim=SPREAD_RANGE, xlabel=name, ylabel="fraction of codes")
    panel.legend(frameon=False)
