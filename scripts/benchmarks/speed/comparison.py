"""Speed and memory of the contenders on the same jets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median, median_high

import torch

from speed.contenders import REFERENCE, Contender, build, name_of
from speed.memory import peak_growth
from speed.setup import Case, Setup
from speed.synthetic_jets import NUM_BATCHES
from speed.timing import time_in_turn

MEMORY_ROUNDS = 3
"""Number of memory measurements: main memory comes in pages, so that its peak varies by some percent between runs."""


@dataclass(frozen=True)
class Measured:
    """Measurements of one contender.

    Attributes:
        case: what all contenders were compared on.
        key: the contender's key, as `in_layouts` returns it.
        rates: jets/s of each repeat.
        peak_bytes: weights, buffers, optimiser state and the most that a step adds to them; None if it could not be
            measured.
        parameters: number of trained weights.
    """

    case: Case
    key: str
    rates: tuple[float, ...]
    peak_bytes: int | None
    parameters: int

    @property
    def name(self) -> str:
        """Name of the contender in tables."""
        return name_of(self.key)


def compare(keys: Sequence[str], case: Case, setup: Setup) -> list[Measured]:
    """Measure the contenders named by `keys`: warm them up, measure their memory, then time them in turn."""
    contenders = build(keys, case, setup)
    warm_up(contenders.values(), setup)
    peaks: dict[str, list[int | None]] = {key: [] for key in contenders}
    for _ in range(MEMORY_ROUNDS):
        for key, contender in contenders.items():
            peaks[key].append(peak_bytes(contender, setup))
    seconds = time_in_turn({key: partial(c.run, setup.steps) for key, c in contenders.items()}, setup)
    jets = setup.steps * case.batch_size
    return [
        Measured(case, key, tuple(jets / s for s in seconds[key]), median_or_none(peaks[key]), one.trained_parameters())
        for key, one in contenders.items()
    ]


def median_or_none(values: Sequence[int | None]) -> int | None:
    """Return the middle value; None if one was not measured."""
    known = [value for value in values if value is not None]
    return median_high(known) if len(known) == len(values) else None


def warm_up(contenders: Iterable[Contender], setup: Setup) -> None:
    """Run untimed steps: ParT's trimmer starts, memory pools fill, kernels are chosen and, if requested, compiled."""
    if setup.compile:
        # Dynamo keeps a few compiled versions of a function for all networks together, then stops compiling it.
        # Dropping those of earlier cases makes room for all contenders of this one.
        torch.compiler.reset()
    for contender in contenders:
        torch.manual_seed(setup.seed)
        contender.run(setup.warmup)
        contender.release()


def peak_bytes(contender: Contender, setup: Setup) -> int | None:
    """Return all memory that a contender needs: what it holds between two steps and what a step adds."""
    torch.manual_seed(setup.seed)
    growth = peak_growth(partial(contender.run, NUM_BATCHES), setup.device)
    contender.release()
    return None if growth is None else contender.held_bytes() + growth


def speed_ratio(measured: Measured, reference: Measured | None) -> float | None:
    """Return the speed relative to the reference: the median of the ratios of each repeat, which share their noise.

    The ratio is None without reference. It is also None for inference, which cannot be compared with a training step.
    """
    if reference is None or measured.key.startswith("inference"):
        return None
    return median(own / other for own, other in zip(measured.rates, reference.rates, strict=True))


def memory_ratio(measured: Measured, reference: Measured | None) -> float | None:
    """Return peak memory relative to the reference; None in the same cases as for the speed, or if not measured."""
    is_training = not measured.key.startswith("inference")
    if reference is None or not is_training or measured.peak_bytes is None or not reference.peak_bytes:
        return None
    return measured.peak_bytes / reference.peak_bytes


def references(results: Iterable[Measured]) -> Mapping[tuple[str, str, int], Measured]:
    """Return the result of weaver's ParT in each case, by encoder, kind of jets and particles."""
    return {(r.case.encoder, r.case.jets, r.case.particles): r for r in results if r.key == REFERENCE}
