"""Equal numbers of jets from samples that are compared: distances to a reference depend on how many jets there are."""

from collections.abc import Sequence

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.particles import Ints, JetParticles


def share_labels(samples: Sequence[JetParticles]) -> list[JetParticles]:
    """Return the samples with one list of class names for all."""
    names = tuple(dict.fromkeys(name for jets in samples for name in jets.label_names))
    return [jets.relabelled(names) for jets in samples]


def equal_numbers(samples: Sequence[JetParticles], max_jets: int | None = None, seed: int = 0) -> list[Ints]:
    """Return the ascending indices of the jets to take from each sample: the largest common number.

    If every jet of all samples has a label, the number of each class is the same. Classes that a sample lacks are left
    out everywhere. Samples of the same jets keep the same ones.

    Args:
        samples: the samples, with shared class names (`share_labels`).
        max_jets: the most jets to take from each sample.
        seed: seed of the draw.

    Raises:
        UserError: the samples have no class in common, or more classes than `max_jets`.
    """
    if not all(jets.is_labelled for jets in samples):
        least = min(len(jets) for jets in samples)
        number = least if max_jets is None else min(least, max_jets)
        return [_draw(np.arange(len(jets)), number, seed) for jets in samples]
    counts = np.array([np.bincount(jets.label, minlength=len(samples[0].label_names)) for jets in samples])
    least_of_class = counts.min(axis=0)
    classes = np.flatnonzero(least_of_class)
    if not len(classes):
        raise UserError("the samples have no class in common: give generated and real jets of the same classes")
    if max_jets is not None and max_jets < len(classes):
        raise UserError(f"{max_jets} jets are fewer than the {len(classes)} classes, of which each has as many: take "
                        "more jets, or files of fewer classes")  # fmt: skip
    most = None if max_jets is None else max_jets // len(classes)
    numbers = least_of_class if most is None else np.minimum(least_of_class, most)
    return [
        np.sort(np.concatenate([_draw(np.flatnonzero(jets.label == k), int(numbers[k]), seed) for k in classes]))
        for jets in samples
    ]


def classes_left_out(samples: Sequence[JetParticles]) -> tuple[str, ...]:
    """Return the classes that `equal_numbers` leaves out, because a sample lacks them."""
    if not all(jets.is_labelled for jets in samples):
        return ()
    names = samples[0].label_names
    present = [set(jets.label.tolist()) for jets in samples]
    return tuple(names[k] for k in sorted(set.union(*present) - set.intersection(*present)))


def equal_classes(jets: JetParticles, max_jets: int | None = None, seed: int = 0) -> Ints:
    """Return the ascending indices of jets to take, as many of each class as of the rarest one that there is.

    Args:
        jets: the sample; without a label for every jet, any of its jets are taken.
        max_jets: the most jets to take.
        seed: seed of the draw.

    Raises:
        UserError: there are more classes than `max_jets`.
    """
    if jets.is_labelled:
        counts = np.unique(jets.label, return_counts=True)[1]
        most = int(counts.min()) * len(counts)
        max_jets = most if max_jets is None else min(max_jets, most)
    return equal_numbers([jets], max_jets, seed)[0]


def _draw(jets: Ints, number: int, seed: int) -> Ints:
    """Draw some of the jets without replacement, in ascending order."""
    return np.sort(np.random.default_rng(seed).permutation(jets)[:number])
