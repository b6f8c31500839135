"""Comparison of generated jets with real ones: distances in observables, classifiers, and copies of training jets.

OmniJet-α (arXiv:2403.05618) compares generated jets with reconstructed real jets, which shows what the generator
loses. The comparison with original jets shows what generator and tokenizer lose together. The floor is the same
measurement for other real jets: what two samples of this size differ by chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.classifier_networks import NETWORKS
from hepjepa_weaver.fidelity.distances import Distance, distance, draw_replicas
from hepjepa_weaver.fidelity.equal_numbers import equal_numbers, share_labels
from hepjepa_weaver.fidelity.memorised import Memory, find_memory
from hepjepa_weaver.fidelity.observables import OBSERVABLES, Observables, observe
from hepjepa_weaver.fidelity.particles import JetParticles
from hepjepa_weaver.fidelity.resampling import REPLICAS
from hepjepa_weaver.fidelity.separation import separation_auc
from hepjepa_weaver.fidelity.training import TrainingPlan


@dataclass(frozen=True)
class Settings:
    """How samples are compared.

    Attributes:
        networks: classifiers that tell samples apart.
        steps: optimiser steps of each classifier; 0 trains none.
        replicas: bootstrap replicas.
        max_jets: the most jets of each sample; None for all.
        seed: seed of all draws.
        device: where classifiers are trained.
    """

    networks: Sequence[str] = NETWORKS
    steps: int = 500
    replicas: int = REPLICAS
    max_jets: int | None = None
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Reference:
    """Real jets to compare with.

    Attributes:
        name: `original` or `reconstructed`.
        jets: the jets.
        floor: other real jets of the same kind, or None.
    """

    name: str
    jets: JetParticles
    floor: JetParticles | None = None


@dataclass(frozen=True)
class Row:
    """Distance of the generated jets to a reference in one observable, and that of the floor's jets."""

    distance: Distance
    floor: Distance | None

    @property
    def ratio(self) -> Measurement:
        """Divergence in units of the floor's, with both errors; undefined without a floor."""
        ours = self.distance.divergence
        theirs = self.floor.divergence if self.floor else Measurement(None, None)
        if ours.value is None or not theirs.value:
            return Measurement(None, None)
        ratio = ours.value / theirs.value
        if ours.error is None or theirs.error is None:
            return Measurement(ratio, None)
        return Measurement(ratio, float(np.hypot(ours.error, ratio * theirs.error)) / theirs.value)


@dataclass(frozen=True)
class Separation:
    """AUC of a classifier between generated jets and a reference, and between the floor's jets and the reference."""

    auc: Measurement
    floor: Measurement | None


@dataclass(frozen=True)
class OneReference:
    """Comparison with one reference.

    Attributes:
        name: name of the reference.
        samples: observables of `generated`, of the reference by its name, and of `floor` if there is one.
        rows: distances by observable.
        separations: by network.
        by_class: number of jets and distances by observable, by class; empty without labels.
    """

    name: str
    samples: Mapping[str, Observables]
    rows: Mapping[str, Row]
    separations: Mapping[str, Separation]
    by_class: Mapping[str, tuple[int, Mapping[str, Row]]] = field(default_factory=dict)

    @property
    def num_jets(self) -> int:
        """Number of jets of each sample."""
        return len(self.samples["generated"].jets)


@dataclass(frozen=True)
class Comparison:
    """All comparisons of a sample of generated jets.

    Attributes:
        references: one for each reference.
        memory: nearest training jets; None without training jets.
        given: number of jets that each sample had before equal numbers were taken.
        settings: how they were compared.
    """

    references: tuple[OneReference, ...]
    memory: Memory | None
    given: Mapping[str, int]
    settings: Settings


def compare(
    generated: JetParticles,
    references: Sequence[Reference],
    training: JetParticles | None = None,
    settings: Settings | None = None,
) -> Comparison:
    """Compare generated jets with references and, to find copies, with the jets that the generator was trained on.

    The same number of jets is taken from all samples, and of each class where all have labels. The test jets for
    copies are those of the first reference.

    Raises:
        UserError: FastJet is missing, samples share no class or are too small, or a network or device is unknown.
    """
    settings = settings or Settings()
    given = {"generated": generated}
    for reference in references:
        given[reference.name] = reference.jets
        if reference.floor is not None:
            given[f"floor of {reference.name}"] = reference.floor
    *shared, pool = share_labels([*given.values(), generated if training is None else training])
    chosen = equal_numbers(shared, settings.max_jets, settings.seed)
    samples = {name: jets[taken] for name, jets, taken in zip(given, shared, chosen, strict=True)}
    observed = {name: observe(jets) for name, jets in samples.items()}
    compared = tuple(_one_reference(reference.name, observed, settings) for reference in references)
    memory = None
    if training is not None:
        memory = _memory(samples["generated"], samples[references[0].name], pool, settings)
    return Comparison(compared, memory, {name: len(jets) for name, jets in given.items()}, settings)


def _one_reference(name: str, observed: Mapping[str, Observables], settings: Settings) -> OneReference:
    samples = {"generated": observed["generated"], name: observed[name]}
    if f"floor of {name}" in observed:
        samples["floor"] = observed[f"floor of {name}"]
    networks = settings.networks if settings.steps else ()
    return OneReference(
        name,
        samples,
        _rows(name, samples, settings),
        {network: _separation(name, samples, network, settings) for network in networks},
        _by_class(name, samples, settings),
    )


def _rows(name: str, samples: Mapping[str, Observables], settings: Settings) -> dict[str, Row]:
    number = len(samples[name].jets)
    replicas = draw_replicas(number, number, settings.replicas, settings.seed)
    rows = {}
    for observable in OBSERVABLES:
        reference, ours = samples[name][observable], samples["generated"][observable]
        floor = distance(samples["floor"][observable], reference, replicas) if "floor" in samples else None
        rows[observable] = Row(distance(ours, reference, replicas), floor)
    return rows


def _separation(name: str, samples: Mapping[str, Observables], network: str, settings: Settings) -> Separation:
    plan = TrainingPlan(network, settings.steps, seed=settings.seed, device=settings.device)
    reference = samples[name].jets
    floor = separation_auc(samples["floor"].jets, reference, plan) if "floor" in samples else None
    return Separation(separation_auc(samples["generated"].jets, reference, plan), floor)


def _by_class(
    name: str, samples: Mapping[str, Observables], settings: Settings
) -> dict[str, tuple[int, Mapping[str, Row]]]:
    """Return number of jets and distances of each class, if there are several and all jets have labels."""
    jets = samples["generated"].jets
    classes = np.unique(jets.label)
    if len(classes) < 2 or not all(of.jets.is_labelled for of in samples.values()):
        return {}
    found: dict[str, tuple[int, Mapping[str, Row]]] = {}
    for index in classes:
        members = {key: of.chosen(np.flatnonzero(of.jets.label == index)) for key, of in samples.items()}
        number = len(members["generated"].jets)
        found[jets.label_names[index]] = (number, _rows(name, members, settings))
    return found


def _memory(generated: JetParticles, test: JetParticles, pool: JetParticles, settings: Settings) -> Memory:
    """Look for copies among training jets of the same classes, in the same numbers, as the test jets."""
    of_test, of_pool = equal_numbers([test, pool], seed=settings.seed)
    return find_memory(generated, pool[of_pool], test[of_test], pool, settings.seed)
