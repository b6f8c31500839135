"""Matching of jets to the decay products of their resonance."""

import numpy as np

from hepjepa_weaver.simulation.clustering import Jets
from hepjepa_weaver.simulation.events import Bools, DecayProducts, Floats


def wrap(phi: Floats) -> Floats:
    """Return the same angle in (-pi, pi]."""
    return np.pi - (np.pi - phi) % (2 * np.pi)


def is_matched(jets: Jets, products: DecayProducts, n_products: int, radius: float = 0.8) -> Bools:
    """Tell for each jet (J,) whether it has all n_products decay products of one resonance within `radius` of its axis.

    With n_products = 0 no match is required.
    """
    if not n_products:
        return np.ones(len(jets), dtype=bool)
    # Every pair of a jet and a decay product of its event.
    same_event = jets.event[:, None] == products.event[None, :]
    jet, product = np.nonzero(same_event)
    delta_eta = jets.eta[jet] - products.eta[product]
    delta_phi = wrap(jets.phi[jet] - products.phi[product])
    is_inside = np.hypot(delta_eta, delta_phi) < radius
    matched = np.zeros(len(jets), dtype=bool)
    for group in (0, 1):
        of_group = products.group[product] == group
        n_inside = np.bincount(jet[is_inside & of_group], minlength=len(jets))
        n_all = np.bincount(jet[of_group], minlength=len(jets))
        matched |= (n_inside == n_products) & (n_all == n_products)
    return matched
