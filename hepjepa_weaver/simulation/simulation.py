"""From a seed to labelled jets: Pythia, detector, jets, match, in batches of events."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepjepa_weaver.simulation.candidates import Candidates, bare_candidates
from hepjepa_weaver.simulation.clustering import Jets, find_jets, in_window
from hepjepa_weaver.simulation.events import FlatEvents, Particles, decay_products, flatten, stable_particles
from hepjepa_weaver.simulation.generator import EventGenerator
from hepjepa_weaver.simulation.generator_jets import generator_jets
from hepjepa_weaver.simulation.jet_table import jet_table
from hepjepa_weaver.simulation.matching import is_matched
from hepjepa_weaver.simulation.particle_flow import particle_flow
from hepjepa_weaver.simulation.processes import JetProcess
from hepjepa_weaver.simulation.propagation import (
    concatenate,
    helix_of,
    propagate_charged,
    propagate_neutral,
    starts_inside,
)
from hepjepa_weaver.simulation.randomness import DetectorRandomness, detector_randomness
from hepjepa_weaver.simulation.selection import JETCLASS, QUARK_GLUON, TOP_LANDSCAPE
from hepjepa_weaver.simulation.substructure import substructure
from hepjepa_weaver.simulation.tagging_table import quark_gluon_table, top_table
from hepjepa_weaver.simulation.tracking import find_tracks

MAX_PYTHIA_SEED = 900_000_000
TAGGING_TABLES = {TOP_LANDSCAPE: top_table, QUARK_GLUON: quark_gluon_table}
# Enough events at a time for fast array operations, few enough for the progress bar to move.
EVENTS_PER_BATCH = 200
MIN_EVENTS, EVENTS_PER_JET = 10, 2


@dataclass
class Simulation:
    """Jets of one class from one seed; the n-th jet depends only on class and seed, not on the batches."""

    process: JetProcess
    seed: np.random.SeedSequence

    def __post_init__(self) -> None:
        pythia_seed, detector_seed = self.seed.spawn(2)
        number = int(pythia_seed.generate_state(1)[0]) % MAX_PYTHIA_SEED + 1
        self.generator = EventGenerator(self.process, number)
        self.random = detector_randomness(detector_seed)

    def jets(self, n_jets: int, events_per_batch: int = EVENTS_PER_BATCH) -> Iterator[Any]:
        """Yield tables with `n_jets` jets in total, one for each batch of events; the last batches may be smaller."""
        n_left = n_jets
        while n_left:
            n_events = min(events_per_batch, MIN_EVENTS + EVENTS_PER_JET * n_left)
            table = self.table(self.generator.next_batch(n_events))[:n_left]
            n_left -= len(table)
            yield table

    def table(self, batch: Any) -> Any:
        """Return the columns of the jets of a batch that `select` takes."""
        process, events = self.process, flatten(batch)
        particles = stable_particles(events, self.generator.charge)
        jets = self.select(events, particles)
        if process.selection != JETCLASS:
            return TAGGING_TABLES[process.selection](jets, process)
        generated = generator_jets(jets, particles, len(events.start), process.selection)
        return jet_table(jets, substructure(jets), generated, process)

    def select(self, events: FlatEvents, particles: Particles) -> Jets:
        """Return the jets that are in the data set's window and match the class."""
        process, selection = self.process, self.process.selection
        has_detector = selection.has_detector
        candidates = simulate_detector(particles, self.random) if has_detector else bare_candidates(particles)
        jets = find_jets(candidates, len(events.start), selection)
        jets = jets[in_window(jets, selection)]
        products = decay_products(events, process.is_pair)
        return jets[is_matched(jets, products, process.n_products, selection.radius)]


def simulate_detector(particles: Particles, random: DetectorRandomness) -> Candidates:
    """Convert stable particles to particle-flow candidates; those from outside the tracker are not seen."""
    particles = particles[starts_inside(particles)]
    is_charged = particles.charge != 0
    charged, neutral = np.flatnonzero(is_charged), np.flatnonzero(~is_charged)
    helix = helix_of(particles[charged])
    of_charged, of_neutral = propagate_charged(helix), propagate_neutral(particles[neutral])
    tracks = find_tracks(helix.particles, helix, of_charged, random)
    # Charged particles first, so that the indices of the tracks stay valid; the energy flow works in any order.
    surface = concatenate(of_charged, of_neutral)
    return particle_flow(particles[np.concatenate([charged, neutral])], surface, tracks, random)
