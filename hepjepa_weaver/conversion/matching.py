"""Jets and other objects of the same event that are close to each other. Shape: J jets."""

from typing import Protocol

import numpy as np

from hepjepa_weaver.conversion.constituents import Bools, Floats, Ints
from hepjepa_weaver.conversion.momenta import wrapped


class HasDirections(Protocol):
    """Objects with directions."""

    @property
    def eta(self) -> Floats:
        """Pseudorapidities."""
        ...

    @property
    def phi(self) -> Floats:
        """Azimuths."""
        ...


def pairs(jet_event: Ints, event: Ints) -> tuple[Ints, Ints]:
    """Return all pairs of a jet and an object of one event, as places of both.

    Args:
        jet_event: (J,), the event of each jet, ascending.
        event: the event of each object.
    """
    first, last = np.searchsorted(jet_event, event, "left"), np.searchsorted(jet_event, event, "right")
    number = last - first
    place = np.repeat(np.arange(len(event)), number)
    within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    return first[place] + within, place


def is_near(jets: HasDirections, objects: HasDirections, jet: Ints, place: Ints, radius: float) -> Bools:
    """Tell which pairs of a jet and an object, given as places of both, are closer in ΔR than `radius`."""
    delta_eta, delta_phi = jets.eta[jet] - objects.eta[place], wrapped(jets.phi[jet] - objects.phi[place])
    return np.asarray(np.hypot(delta_eta, delta_phi) < radius)
