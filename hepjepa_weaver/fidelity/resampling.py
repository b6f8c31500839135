"""Bootstrap over jets: a jet is drawn with all its particles, because particles of one jet are no independent numbers.

Shapes: N jets, V values (one per jet or one per particle), B bins, R replicas.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.evaluation.bootstrap import QUANTILES, replica_weights
from hepjepa_weaver.fidelity.observables import Quantity
from hepjepa_weaver.fidelity.particles import Floats

REPLICAS = 100


def draw_weights(num_jets: int, replicas: int = REPLICAS, seed: int = 0) -> Floats:
    """Return how often each replica has each jet (R, N)."""
    return replica_weights(np.zeros(num_jets, np.int64), replicas, seed).astype(np.float64)


def count_per_jet(quantity: Quantity, cuts: Floats) -> Floats:
    """Return a histogram (N, B) for each jet, given the B - 1 ascending cuts between the bins.

    The outer bins are open: no value is left out. A value on a cut belongs to the bin above.
    """
    bins = np.searchsorted(cuts, quantity.values, side="right")
    size = len(cuts) + 1
    flat = np.bincount(quantity.owner * size + bins, minlength=quantity.num_jets * size)
    return flat.reshape(quantity.num_jets, size).astype(np.float64)


def sum_per_jet(quantity: Quantity, *functions: Callable[[Floats], Floats]) -> Floats:
    """Return the sums (N, F) over the values of each jet of F functions of the values."""
    sums = [np.bincount(quantity.owner, function(quantity.values), quantity.num_jets) for function in functions]
    return np.stack(sums, axis=1).astype(np.float64)


def with_error(value: float, replicas: NDArray[np.float64]) -> Measurement:
    """Return a value with half the interval that 68 % of its replicas (R,) span; undefined ones are left out."""
    drawn = replicas[np.isfinite(replicas)]
    if not np.isfinite(value):
        return Measurement(None, None)
    if len(drawn) < 2:
        return Measurement(value, None)
    low, high = np.quantile(drawn, QUANTILES)
    return Measurement(value, float(high - low) / 2)
