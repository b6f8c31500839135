"""Time of the parts of a pre-training step, each timed alone, and of the whole step.

A profiler would show more, but on a CPU its own work takes as long as the small parts.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from speed.captured import tensors_with_gradient
from speed.setup import Setup
from speed.timing import seconds_of


@dataclass(frozen=True)
class Part:
    """A piece of a step that can be run alone.

    Attributes:
        name: name of the part, for the table.
        forward: what is timed.
        backward: also time the backward pass from the tensors that `forward` returns.
        prepare: called before, untimed.
        every: steps from one run of this part to the next.
        within: the part that this one belongs to; it is then not counted a second time.
    """

    name: str
    forward: Callable[[], Any]
    backward: bool = False
    prepare: Callable[[], object] | None = None
    every: int = 1
    within: str | None = None


@dataclass(frozen=True)
class PartTime:
    """Median seconds of a part per step."""

    name: str
    forward: float
    backward: float
    within: str | None = None

    @property
    def total(self) -> float:
        return self.forward + self.backward


@dataclass(frozen=True)
class StepSplit:
    """The parts of a step and the median seconds of the whole one."""

    parts: tuple[PartTime, ...]
    whole: float

    @property
    def rest(self) -> float:
        """Time that no part explains.

        It is below 0 if the parts take longer alone than in the step: on a GPU, each part is waited for.
        """
        return self.whole - sum(part.total for part in self.parts if part.within is None)


def split_of_step(
    parts: Sequence[Part],
    whole_steps: Callable[[int], object],
    setup: Setup,
    release: Callable[[], object],
    log_every: int,
) -> StepSplit:
    """Time the parts and whole steps in turn, `setup.repeats` times after one untimed turn.

    Args:
        parts: the parts of a step.
        whole_steps: runs a number of whole steps. Whatever the number, it runs the parts with an `every` above 1 once.
            A long run has them once in `log_every` steps, so the rest of their time is subtracted.
        setup: settings of the run.
        release: called, untimed, before each part: gradients are freed, as before a step.
        log_every: the `every` of all parts that have one.
    """
    taken: dict[str, list[tuple[float, float]]] = {part.name: [] for part in parts}
    whole: list[float] = []
    for turn in range(setup.repeats + 1):
        torch.manual_seed(setup.seed + turn)
        times = {}
        for part in parts:
            release()
            times[part.name] = time_part(part, setup)
        release()
        epoch = seconds_of(lambda: whole_steps(setup.steps), setup)
        if turn == 0:
            continue
        for name, seconds in times.items():
            taken[name].append(seconds)
        seldom = sum(sum(times[part.name]) for part in parts if part.every > 1)
        whole.append((epoch - seldom) / setup.steps + seldom / log_every)
    return StepSplit(tuple(summarise(part, taken[part.name]) for part in parts), median(whole))


def summarise(part: Part, taken: Sequence[tuple[float, float]]) -> PartTime:
    """Return median times per step."""
    forward, backward = (median(times) / part.every for times in zip(*taken, strict=True))
    return PartTime(part.name, forward, backward, part.within)


def time_part(part: Part, setup: Setup) -> tuple[float, float]:
    """Return the seconds of the forward and the backward pass."""
    if part.prepare:
        part.prepare()
    setup.synchronize()
    start = time.perf_counter()
    with setup.autocast():
        output = part.forward()
    setup.synchronize()
    forward = time.perf_counter() - start
    return forward, time_backward(output, setup) if part.backward else 0.0


def time_backward(output: Any, setup: Setup) -> float:
    """Return the seconds of the backward pass from all tensors in `output` that need a gradient."""
    roots: list[Tensor] = tensors_with_gradient(output)
    gradients = [torch.ones_like(root) for root in roots]
    return seconds_of(lambda: torch.autograd.backward(roots, gradients), setup)
