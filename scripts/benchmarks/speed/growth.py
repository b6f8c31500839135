"""Growth of the time per jet with particles, batch size and width."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Literal

import numpy as np

from speed.comparison import warm_up
from speed.contenders import build, name_of
from speed.setup import Case, EncoderSize, Setup
from speed.timing import time_in_turn

Axis = Literal["particles", "batch size", "width"]
AXES: dict[Axis, tuple[int, ...]] = {
    "particles": (16, 32, 64, 128),
    "batch size": (32, 64, 128, 256, 512),
    "width": (32, 64, 128, 256),
}


@dataclass(frozen=True)
class Growth:
    """Median seconds per jet of one contender at each of `values` of `axis`, and the power laws through them.

    Attributes:
        name: name of the contender.
        axis: what is varied.
        values: values on this axis.
        seconds: seconds per jet at each value.
        exponent: slope of a least-squares line through all points in log-log.
        local_exponents: slopes between neighbouring points.
    """

    name: str
    axis: Axis
    values: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def exponent(self) -> float:
        return fit_exponent(self.values, self.seconds)

    @property
    def local_exponents(self) -> list[float]:
        return [fit_exponent(self.values[i : i + 2], self.seconds[i : i + 2]) for i in range(len(self.values) - 1)]


def fit_exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """Fit the exponent a of the power law y ∝ x^a by least squares to the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def case_at(case: Case, axis: Axis, value: int) -> Case:
    """Return `case` with one thing changed; with the encoder's width its MLPs change, but not its pair widths."""
    if axis == "particles":
        return replace(case, particles=value)
    if axis == "batch size":
        return replace(case, batch_size=value)
    options = {**case.size.options, "embed_dims": (value, 4 * value, value)}
    return replace(case, size=EncoderSize(options, case.size.pretraining))


def measure_growth(keys: Sequence[str], case: Case, axis: Axis, values: Sequence[int], setup: Setup) -> list[Growth]:
    """Time the contenders named by `keys` at all `values` of `axis`, all points in turn."""
    points = {
        (key, value): contender
        for value in values
        for key, contender in build(keys, case_at(case, axis, value), setup).items()
    }
    warm_up(points.values(), setup)
    seconds = time_in_turn({point: partial(c.run, setup.steps) for point, c in points.items()}, setup)
    a_jet = {
        (key, value): median(times) / setup.steps / case_at(case, axis, value).batch_size
        for (key, value), times in seconds.items()
    }
    return [Growth(name_of(key), axis, tuple(values), tuple(a_jet[key, value] for value in values)) for key in keys]
