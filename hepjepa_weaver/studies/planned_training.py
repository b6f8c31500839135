"""Trainings of a plan: pre-training without labels, and how every method uses labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

IN_MEMORY = "--in-memory --fetch-step 1"
"""Words with which weaver reads files that fit into memory."""


@dataclass(frozen=True)
class Pretraining:
    """One setting of pre-training without labels, or of a supervised start: training with many labels of other jets.

    Attributes:
        network: name of its network config, or a path.
        data_config: as weaver takes it.
        train: training files, as weaver takes them.
        val: validation files, as weaver takes them.
        jets_seen: jets seen in the whole pre-training.
        batch_size: jets per batch.
        epochs: number of parts of the pre-training, with a checkpoint after each.
        weaver: further words of the command line: optimiser, schedule, options.
        shared: words of the command line of pre-training and of all that starts from it; they overrule `weaver`.
        options: words of pre-training alone; they overrule `weaver` and `shared`.
        loader: words of the command line about reading the files.
        seed: seed of the only run.
        seeds: seeds of several runs, in place of `seed`.
        growth: epochs, besides the last, after which to probe a checkpoint and to fine-tune it with the fewest labels.
        probes: views for a linear probe: target_mean, target_class, context_mean, context_class (encoder_pooling).
        title: title in the report; by default its name with blanks for `_`.
    """

    network: str
    data_config: str
    train: str
    val: str
    jets_seen: int
    batch_size: int
    epochs: int
    weaver: str = ""
    shared: str = ""
    options: str = ""
    loader: str = IN_MEMORY
    seed: int = 0
    seeds: tuple[int, ...] = ()
    growth: tuple[int, ...] = ()
    probes: tuple[str, ...] = ()
    title: str = ""

    @property
    def steps_per_epoch(self) -> int:
        """The optimiser steps in each epoch."""
        return self.jets_seen // (self.batch_size * self.epochs)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds of its runs."""
        return self.seeds or (self.seed,)

    @property
    def probed_after(self) -> tuple[int, ...]:
        """The numbers of epochs after which its checkpoints are measured."""
        return (*self.growth, self.epochs)

    def jets_after(self, epochs: int) -> int:
        """Return the number of jets seen in the first `epochs`."""
        return epochs * self.steps_per_epoch * self.batch_size


@dataclass(frozen=True)
class Training:
    """How every method uses labels.

    The passes and batch sizes are given by number of labels per class. A number that is missing takes the entry of the
    next smaller one.

    Attributes:
        passes: passes over the training jets.
        batch_size: jets per batch.
        epochs: largest number of epochs; each ends with validation, and the best one counts.
        validation_jets: number of validation jets, as many of each class; every seed has the same. It is needed for
            data sets with files for validation.
        weaver: further words of the command line.
        loader: words about reading files of more than `most_in_memory` jets.
        most_in_memory: largest number of jets to hold in memory.
        try_with: seeds that try the rates or recipes: the first of pre-training and of labels, or all.
    """

    passes: Mapping[int, int]
    batch_size: Mapping[int, int]
    epochs: int
    validation_jets: int = 0
    weaver: str = ""
    loader: str = IN_MEMORY
    most_in_memory: int = 1_000_000
    try_with: Literal["first_seed", "all_seeds"] = "first_seed"
