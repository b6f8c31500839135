"""Comparison of generated jets with real ones: distances in observables, classifiers, and copies of training jets.

OmniJet-α (arXiv:2403.05618) compares generated jets with reconstructed real jets, which shows what the generator
loses. The comparison with original jets shows what generator and tokenizer lose together. The floor is the same
measurement for other real jets: what two samples of this size differ by chance.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.distances import distance, draw_replicas
from hepjepa_weaver.fidelity.equal_numbers import classes_left_out, equal_numbers, share_labels
from hepjepa_weaver.fidelity.memorised import Memory, find_memory
from hepjepa_weaver.fidelity.observables import OBSERVABLES, Observables, observe
from hepjepa_weaver.fidelity.particles import JetParticles
from hepjepa_weaver.fidelity.results import Comparison, OneReference, Reference, Row, Separation, Settings
from hepjepa_weaver.fidelity.separation import separation_auc
from hepjepa_weaver.fidelity.training import TrainingPlan
from hepjepa_weaver.fidelity.tree_separation import TREES, tree_auc

FEWEST = 2
"""Smallest number of jets of a sample: half of them train a classifier, the others test it."""


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
    if len(chosen[0]) < FEWEST:
        told = ", ".join(f"{name} {len(jets)}" for name, jets in given.items())
        raise UserError(f"the largest common number of jets is {len(chosen[0])} ({told}): give at least {FEWEST}")
    samples = {name: jets[taken] for name, jets, taken in zip(given, shared, chosen, strict=True)}
    observed = {name: observe(jets) for name, jets in samples.items()}
    compared = tuple(_one_reference(reference.name, observed, settings) for reference in references)
    memory = None
    if training is not None:
        memory = _memory(samples["generated"], samples[references[0].name], pool, settings)
    numbers = {name: len(jets) for name, jets in given.items()}
    return Comparison(compared, memory, numbers, classes_left_out(shared), settings)


def _one_reference(name: str, observed: Mapping[str, Observables], settings: Settings) -> OneReference:
    samples = {"generated": observed["generated"], name: observed[name]}
    if f"floor of {name}" in observed:
        samples["floor"] = observed[f"floor of {name}"]
    return OneReference(
        name,
        samples,
        _rows(name, samples, settings),
        _separations(name, samples, settings),
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


def _separations(name: str, samples: Mapping[str, Observables], settings: Settings) -> dict[str, Separation]:
    """Return the AUCs of boosted trees and, if they are trained at all, of the networks."""

    def both(auc: Callable[[Observables, Observables], Measurement]) -> Separation:
        floor = auc(samples["floor"], samples[name]) if "floor" in samples else None
        return Separation(auc(samples["generated"], samples[name]), floor)

    found = {TREES: both(partial(tree_auc, seed=settings.seed))}
    for network in settings.networks if settings.steps else ():
        plan = TrainingPlan(network, settings.steps, seed=settings.seed, device=settings.device)
        found[network] = both(partial(_network_auc, plan=plan))
    return found


def _network_auc(sample: Observables, reference: Observables, plan: TrainingPlan) -> Measurement:
    return separation_auc(sample.jets, reference.jets, plan)


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
