"""Hard processes as Pythia records them."""

from functools import cache

import numpy as np

from hepjepa_weaver.simulation.generator import import_pythia


@cache
def pythia():
    return import_pythia().Pythia("", False)


def hard_process(products):
    """A Pythia event record: five entries of beams and incoming partons, then (code, mother, pT, eta, phi)."""
    pythia8 = import_pythia()
    record = pythia8.Event()
    record.init("test", pythia().particleData)
    for code in (90, 2212, 2212, 21, 21):
        record.append(code, -21, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 100.0, 100.0, 0.0, 0.0)
    for code in (6, -6):  # entries 5 and 6: the mothers
        record.append(code, -22, 3, 4, 0, 0, 0, 0, 0.0, 0.0, 0.0, 173.0, 173.0, 0.0)
    for code, mother, pt, eta, phi in products:
        momentum = pythia8.Vec4()
        momentum.p(*four_momentum(pt, eta, phi))
        record.append(code, 23, mother, 0, 0, 0, 0, 0, momentum, 0.0, 0.0)
    return record


def four_momentum(pt, eta, phi):
    return pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)
