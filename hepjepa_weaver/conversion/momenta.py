"""Momenta of jets. Shape: J jets."""

from dataclasses import dataclass

import numpy as np

from hepjepa_weaver.conversion.constituents import Constituents, Floats


@dataclass(frozen=True)
class Axis:
    """Jets' momenta (J,) in GeV."""

    pt: Floats
    eta: Floats
    phi: Floats
    energy: Floats


def sum_of(constituents: Constituents, number: int) -> Axis:
    """Return the sums of the particles of `number` jets; a jet without particles has pT 0 and direction 0."""
    sums = constituents.sums(number)
    pt = np.hypot(sums["px"], sums["py"])
    eta = np.arcsinh(np.divide(sums["pz"], pt, out=np.zeros(number), where=pt > 0))
    return Axis(pt, eta, np.arctan2(sums["py"], sums["px"]), sums["energy"])


def wrapped(phi: Floats) -> Floats:
    """Return the same angles in [−π, π)."""
    return np.asarray((phi + np.pi) % (2 * np.pi) - np.pi)
