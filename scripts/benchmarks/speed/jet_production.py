"""Speed of the production of jets, by class."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.simulation.processes import JetProcess
from hepjepa_weaver.simulation.simulation import Simulation


@dataclass(frozen=True)
class Speed:
    """Time for one class on one core.

    Attributes:
        name: file stem of the class.
        n_jets: number of jets made.
        n_events: number of events made.
        seconds: CPU time in total.
        pythia_seconds: CPU time inside Pythia.
    """

    name: str
    n_jets: int
    n_events: int
    seconds: float
    pythia_seconds: float


def measure(process: JetProcess, n_jets: int, seed: int) -> Speed:
    """Make `n_jets` jets and keep none; Pythia's initialisation is not counted."""
    simulation = Simulation(process, np.random.SeedSequence(seed))
    start = time.process_time()
    made = sum(len(table) for table in simulation.jets(n_jets))
    generator = simulation.generator
    return Speed(process.stem, made, generator.n_events, time.process_time() - start, generator.seconds)


def average(speeds: Sequence[Speed]) -> Speed:
    """Average seconds and events per jet over the classes, as for equal numbers of jets of each class."""
    per_jet = [
        (speed.n_events / speed.n_jets, speed.seconds / speed.n_jets, speed.pythia_seconds / speed.n_jets)
        for speed in speeds
    ]
    n_jets = sum(speed.n_jets for speed in speeds)
    events, seconds, pythia_seconds = (float(np.mean(values)) * n_jets for values in zip(*per_jet, strict=True))
    return Speed("all classes", n_jets, round(events), seconds, pythia_seconds)


def speed_table(speeds: Sequence[Speed]) -> str:
    """Return a Markdown table with a row for each class and one for their average."""
    heads = ["class", "jets/s/core", "Pythia events/s", "jets/event", "share of time in Pythia"]
    lines = [
        [
            speed.name,
            f"{speed.n_jets / speed.seconds:.1f}",
            f"{speed.n_events / speed.pythia_seconds:.1f}",
            f"{speed.n_jets / speed.n_events:.2f}",
            f"{speed.pythia_seconds / speed.seconds:.0%}",
        ]
        for speed in (*speeds, average(speeds))
    ]
    return markdown_table(heads, lines, words=1)
