"""Timing of several functions in turn, so that a machine that slows down or is shared slows all of them alike."""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import torch

from speed.setup import Setup

Key = TypeVar("Key", bound=Hashable)


def time_in_turn(runs: Mapping[Key, Callable[[], object]], setup: Setup) -> dict[Key, list[float]]:
    """Return the seconds of each of `runs` in each repeat.

    A repeat runs all of them once, each time starting with another one. All start a repeat with the same random state,
    and each repeat has its own.
    """
    seconds: dict[Key, list[float]] = {key: [] for key in runs}
    for repeat in range(setup.repeats):
        keys = list(runs)
        first = repeat % len(keys)
        for key in keys[first:] + keys[:first]:
            torch.manual_seed(setup.seed + 1 + repeat)
            seconds[key].append(seconds_of(runs[key], setup))
    return seconds


def seconds_of(run: Callable[[], object], setup: Setup) -> float:
    """Return the wall time of `run` in seconds, the device's work included."""
    setup.synchronize()
    start = time.perf_counter()
    run()
    setup.synchronize()
    return time.perf_counter() - start
