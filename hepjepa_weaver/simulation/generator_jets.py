"""Generator-level jets: what the detector's jets are before the detector, as targets of a regression.

They are anti-kT jets of Pythia's stable particles other than neutrinos, with the radius of the detector's jets.
Shapes: J jets. Units: GeV.
"""

from dataclasses import dataclass, replace

import numpy as np

from hepjepa_weaver.simulation.candidates import bare_candidates
from hepjepa_weaver.simulation.clustering import Jets, find_jets
from hepjepa_weaver.simulation.events import Floats, Ints, Particles
from hepjepa_weaver.simulation.matching import wrap
from hepjepa_weaver.simulation.selection import Selection
from hepjepa_weaver.simulation.substructure import soft_drop_mass

LOWEST_PT = 0.5
"""pT down to which generator-level jets are found, as a fraction of the lowest pT of the detector's jets."""
FARTHEST = 0.5
"""ΔR within which a generator-level jet is looked for, as a fraction of the radius of the jets."""


@dataclass(frozen=True)
class GeneratorJets:
    """The generator-level jet of each of the detector's jets; NaN for those without one.

    Attributes:
        pt: (J,), transverse momentum.
        mass: (J,), mass.
        soft_drop_mass: (J,), mass after soft drop, as of the detector's jets.
    """

    pt: Floats
    mass: Floats
    soft_drop_mass: Floats


def generator_jets(jets: Jets, particles: Particles, n_events: int, selection: Selection) -> GeneratorJets:
    """Return the generator-level jets nearest to the detector's jets.

    Args:
        jets: the detector's jets.
        particles: stable particles of the same events, without neutrinos.
        n_events: number of these events.
        selection: settings of the data set.
    """
    found = find_jets(bare_candidates(particles), n_events, replace(selection, min_pt=LOWEST_PT * selection.min_pt))
    place = nearest(jets, found, FARTHEST * selection.radius)
    matched = place >= 0
    is_used = np.zeros(len(found), dtype=bool)
    is_used[place[matched]] = True
    used, row = found[is_used], np.cumsum(is_used) - 1

    def of_each(values: Floats) -> Floats:
        chosen = np.full(len(jets), np.nan)
        chosen[matched] = values[row[place[matched]]]
        return chosen

    squared = used.energy**2 - (used.pt * np.cosh(used.eta)) ** 2
    return GeneratorJets(of_each(used.pt), of_each(np.sqrt(squared.clip(min=0))), of_each(soft_drop_mass(used)))


def nearest(jets: Jets, others: Jets, radius: float) -> Ints:
    """Return for each jet (J,) the index of the nearest of the others in its event; -1 without one within `radius`."""
    jet, other = np.nonzero(jets.event[:, None] == others.event[None, :])
    distance = np.hypot(jets.eta[jet] - others.eta[other], wrap(jets.phi[jet] - others.phi[other]))
    index = np.full(len(jets), -1)
    order = np.argsort(-distance)  # the nearest comes last, and stays
    order = order[distance[order] < radius]
    index[jet[order]] = other[order]
    return index
