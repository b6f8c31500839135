"""The entries of a plan: what a study compares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.degrade import Degradation

ALL = "all"
"""Number of labels that stands for all jets of the training files."""

IN_MEMORY = "--in-memory --fetch-step 1"
"""Words with which weaver reads files that fit into memory."""


@dataclass(frozen=True)
class Pretraining:
    """One setting of pre-training without labels.

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
class Task:
    """One data set to tag.

    The jets of `train`, `val` and `test` are each in a directory, in a file or in the files of a pattern. A data set in
    one piece has all jets in `train`, and sets `held_out` in place of `val` and `test`.

    Attributes:
        title: title in the report.
        data_config: data config of weaver.
        background: class to reject.
        train: jets for training.
        labels: numbers of jets per class to train with.
        val: jets for validation.
        test: jets for the test.
        suffix: suffix of the files.
        label: column that gives the class, in files of several classes.
        held_out: jets per class for validation and for test; every seed draws others.
        all_labels: whether to train with all jets, too.
        seeds: seeds of labels.
        pretrainings: pre-trainings to start from, by the name that methods use: one, several, or `all` of the plan.
        degradations: names of the degradations with which to test the networks of most labels.
        published: published results to show beside ours.
        common_jets: number of training, validation or test jets that may also be in files of another use. Published
            data hold some jets twice.
    """

    title: str
    data_config: str
    background: str
    train: str
    labels: tuple[int, ...]
    val: str = ""
    test: str = ""
    suffix: Literal[".root", ".parquet"] = ".root"
    label: str = ""
    held_out: tuple[int, ...] = ()
    all_labels: bool = False
    seeds: tuple[int, ...] = (0, 1, 2)
    pretrainings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    degradations: tuple[str, ...] = ()
    published: Literal["", "JetClass", "TopLandscape", "QuarkGluon"] = ""
    common_jets: int = 0

    def counts(self) -> list[str]:
        """Return the numbers of labels as they stand in the names of folders."""
        return [*map(str, self.labels), *([ALL] if self.all_labels else [])]

    @property
    def most_labels(self) -> str:
        """The largest number of labels."""
        return self.counts()[-1]


@dataclass(frozen=True)
class Recipe:
    """One way to train a method's network.

    Attributes:
        name: name in tables.
        folder: folder of its trainings.
        words: words of the command line, the learning rate among them.
    """

    name: str
    folder: str
    words: str


@dataclass(frozen=True)
class Method:
    """One way to get a tagger.

    Validation jets choose one of the rates or recipes for every number of labels.

    Attributes:
        title: title in the report.
        network: name of its network config, or a path.
        rates: learning rates to try.
        recipes: words of the command line by name, in place of `rates`; `--start-lr` has to be among the words.
        pretraining: which of the task's pre-trainings it starts from; empty for training from scratch.
        weaver: further words of the command line.
    """

    title: str
    network: str
    rates: tuple[float, ...] = ()
    recipes: Mapping[str, str] = field(default_factory=dict)
    pretraining: str = ""
    weaver: str = ""

    @property
    def tried(self) -> tuple[Recipe, ...]:
        """All recipes to try."""
        rates = [Recipe(f"{rate:g}", f"rate{rate:g}", f"--start-lr {rate:g}") for rate in self.rates]
        return (*rates, *(Recipe(name, f"recipe_{name}", words) for name, words in self.recipes.items()))

    def recipe(self, name: str) -> Recipe:
        """Return the recipe of this name.

        Raises:
            UserError: the plan has no such recipe.
        """
        for recipe in self.tried:
            if recipe.name == name:
                return recipe
        known = ", ".join(recipe.name for recipe in self.tried)
        raise UserError(f"{name!r} is no recipe or rate of {self.title}, which tries {known}: delete what asks for it")


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


@dataclass(frozen=True, kw_only=True)
class NamedDegradation(Degradation):
    """What is taken from test jets, with its title in the report."""

    title: str


@dataclass(frozen=True)
class StudyPlan:
    """A whole study.

    Attributes:
        output: output folder.
        size: encoder size by name.
        training: how every method uses labels.
        pretrainings: settings of pre-training by name.
        tasks: data sets to tag, by name.
        methods: ways to get a tagger, by name.
        degradations: what is taken from test jets, by name.
        gpus: as weaver takes it; empty for a CPU.
        probe_labels: validation jets that a linear probe is fitted to; the others score it.
    """

    output: str
    size: str
    training: Training
    pretrainings: Mapping[str, Pretraining]
    tasks: Mapping[str, Task]
    methods: Mapping[str, Method]
    degradations: Mapping[str, NamedDegradation] = field(default_factory=dict)
    gpus: str = ""
    probe_labels: int = 0
