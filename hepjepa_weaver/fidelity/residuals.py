"""Errors of reconstructed jets and particles: reconstructed minus original, jet by jet.

The numbers are those of OmniJet-α (arXiv:2403.05618, "How to judge the quality of an encoding"). They are mean |error|,
mean error and standard deviation, for each class and for all jets.

Shapes: N jets, S particles of all jets one after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.observables import MULTIPLICITY, OBSERVABLES, Observables, Quantity
from hepjepa_weaver.fidelity.particles import Floats, JetParticles
from hepjepa_weaver.fidelity.resampling import REPLICAS, draw_weights, sum_per_jet, with_error

ALL = "all"
RESIDUALS = tuple(name for name in OBSERVABLES if name != MULTIPLICITY)


@dataclass(frozen=True)
class Errors:
    """Errors of one observable, in its unit.

    Attributes:
        mean_absolute: mean |error|.
        mean: mean error, with its sign.
        spread: standard deviation of the errors.
        number: number of errors, of jets or of particles.
    """

    mean_absolute: Measurement
    mean: Measurement
    spread: Measurement
    number: int


@dataclass(frozen=True)
class Reconstruction:
    """Errors of reconstructed jets.

    Attributes:
        differences: reconstructed minus original by observable.
        errors: by class and observable.
    """

    differences: Mapping[str, Quantity]
    errors: Mapping[str, Mapping[str, Errors]]


def residuals(original: Observables, reconstructed: Observables) -> dict[str, Quantity]:
    """Return reconstructed minus original by the names in `RESIDUALS`.

    Jets in which either value is undefined are left out.

    Raises:
        UserError: the samples are not the same jets with the same number of particles in the same order.
    """
    check_aligned(original.jets, reconstructed.jets)
    return {name: _difference(name, original, reconstructed) for name in RESIDUALS}


def measure_errors(
    original: Observables, reconstructed: Observables, replicas: int = REPLICAS, seed: int = 0
) -> dict[str, dict[str, Errors]]:
    """Return the errors by class and by observable; `all` holds those of all jets.

    Raises:
        UserError: as of `residuals`.
    """
    found = {ALL: _errors(residuals(original, reconstructed), replicas, seed)}
    for index, name in enumerate(original.jets.label_names):
        jets = np.flatnonzero(original.jets.label == index)
        if len(jets):
            of_class = residuals(original.chosen(jets), reconstructed.chosen(jets))
            found[name] = _errors(of_class, replicas, seed)
    return found


def measure_reconstruction(original: Observables, reconstructed: Observables, seed: int = 0) -> Reconstruction:
    """Return the errors of reconstructed jets.

    Raises:
        UserError: the samples are not the same jets in the same order.
    """
    return Reconstruction(residuals(original, reconstructed), measure_errors(original, reconstructed, seed=seed))


def check_aligned(original: JetParticles, reconstructed: JetParticles) -> None:
    """Check that two samples hold the same jets in the same order.

    Raises:
        UserError: number, labels or multiplicities of the jets differ.
    """
    remedy = "reconstruct these jets, and keep their order"
    if len(original) != len(reconstructed):
        raise UserError(f"{len(reconstructed)} reconstructed jets, but {len(original)} original ones: {remedy}")
    for what, ours, theirs in (
        ("numbers of particles", original.counts, reconstructed.counts),
        ("labels", original.label, reconstructed.label),
    ):
        differ = int(np.sum(ours != theirs))
        if differ:
            raise UserError(f"{differ} reconstructed jets have other {what} than the original ones: {remedy}")


def _difference(name: str, original: Observables, reconstructed: Observables) -> Quantity:
    if name in original.by_jet:
        values = reconstructed.by_jet[name] - original.by_jet[name]
        defined = np.flatnonzero(np.isfinite(values))
        return Quantity(values[defined], defined, len(values))
    before, after = original[name], reconstructed[name]
    return Quantity(after.values - before.values, before.owner, before.num_jets)


def _errors(differences: Mapping[str, Quantity], replicas: int, seed: int) -> dict[str, Errors]:
    num_jets = next(iter(differences.values())).num_jets
    weights = draw_weights(num_jets, replicas, seed)
    return {name: _errors_of(quantity, weights) for name, quantity in differences.items()}


def _errors_of(quantity: Quantity, weights: Floats) -> Errors:
    sums = sum_per_jet(quantity, np.ones_like, np.abs, lambda x: x, np.square)
    values, drawn = _moments(sums.sum(axis=0)), _moments(weights @ sums)
    absolute, mean, spread = (with_error(float(value), replicas) for value, replicas in zip(values, drawn, strict=True))
    return Errors(absolute, mean, spread, len(quantity.values))


def _moments(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Return mean |x|, mean and standard deviation (…) from the sums (…, 4) of 1, |x|, x and x²."""
    number, absolute, first, second = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore"):  # no values: undefined
        mean = first / number
        return absolute / number, mean, np.sqrt(np.maximum(second / number - mean**2, 0.0))
