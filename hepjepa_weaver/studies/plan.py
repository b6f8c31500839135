"""What a study compares: the entries of its plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.degrade import Degradation

ALL = "all"
"""Stands for the number of labels where all jets of the training files are used."""

IN_MEMORY = "--in-memory --fetch-step 1"
"""How weaver reads files that fit into memory."""


@dataclass(frozen=True)
class Pretraining:
    """One setting of pre-training without labels.

    network: name of its network config, or a path. data_config, train, val: as weaver takes them.
    jets_seen, batch_size: its budget. epochs: parts of it, with a checkpoint after each.
    weaver: further words of the command line: optimiser, schedule, options. loader: those about reading the files.
    shared: words of the command line of pre-training and of all that starts from it.
    options: words of pre-training alone, which overrule `weaver` and `shared`.
    seed: of the only run; `seeds`: of several.
    growth: epochs after which a checkpoint is probed, and fine-tuned with the fewest labels, besides the last.
    probes: views that a linear probe is fitted to, as encoder_pooling: target_mean, target_class, context_mean,
        context_class.
    title: what the report calls it; unless given, its name with blanks for `_`.
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
        """The jets seen in the first `epochs`."""
        return epochs * self.steps_per_epoch * self.batch_size


@dataclass(frozen=True)
class Task:
    """One data set to tag.

    data_config: of weaver. background: the class to be rejected. title: what the report calls it.
    train, val, test: a directory, a file or a pattern of jets each. A data set in one piece has them all in `train`,
    and `held_out`, jets of each class for validation and for test, another draw for every seed.
    suffix: of the files. label: the column that tells the class where files mix them.
    labels: jets of each class to train with; `all_labels`: and all there are.
    pretrainings: by the names that methods give them, those to start from: one, several, or `all` of the plan.
    degradations: names of those whose test jets the networks of most labels are tested on, too.
    published: which published results stand beside ours.
    common_jets: how many jets of other files may be among those for training, test or validation: published data hold
    some jets twice.
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
        """The numbers of labels as the names of folders have them."""
        return [*map(str, self.labels), *([ALL] if self.all_labels else [])]

    @property
    def most_labels(self) -> str:
        """The largest number of labels."""
        return self.counts()[-1]


@dataclass(frozen=True)
class Recipe:
    """One way to train a method's network.

    name: in tables. folder: of its trainings. words: of the command line, the learning rate among them.
    """

    name: str
    folder: str
    words: str


@dataclass(frozen=True)
class Method:
    """One way to get a tagger.

    network: name of its network config, or a path. title: what the report calls it.
    pretraining: which of the task's pre-trainings it starts from; empty for training from scratch.
    weaver: further words of the command line.
    rates: learning rates to be tried. recipes: in place of them, words of the command line by name, `--start-lr` among
    them. Validation jets choose one for every number of labels.
    """

    title: str
    network: str
    rates: tuple[float, ...] = ()
    recipes: Mapping[str, str] = field(default_factory=dict)
    pretraining: str = ""
    weaver: str = ""

    @property
    def tried(self) -> tuple[Recipe, ...]:
        """All that is to be tried."""
        rates = [Recipe(f"{rate:g}", f"rate{rate:g}", f"--start-lr {rate:g}") for rate in self.rates]
        return (*rates, *(Recipe(name, f"recipe_{name}", words) for name, words in self.recipes.items()))

    def recipe(self, name: str) -> Recipe:
        """The recipe of this name. Raises UserError for one that the plan does not have."""
        for recipe in self.tried:
            if recipe.name == name:
                return recipe
        known = ", ".join(recipe.name for recipe in self.tried)
        raise UserError(f"{name!r} is no recipe or rate of {self.title}, which tries {known}: delete what asks for it")


@dataclass(frozen=True)
class Training:
    """How labels are used, by every method.

    passes, batch_size: by number of labels a class; those of the next smaller number count, too.
    epochs: at most, with validation after each; the best one counts. validation_jets: as many of each class, always
    the same; needed where validation jets are files of their own. weaver: further words of the command line.
    loader: those about reading the files of more than `most_in_memory` jets; fewer are held in memory.
    try_with: the first seed of pre-training and of labels alone, or all seeds, tries the rates or recipes.
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
    """What is taken from test jets, and what the report calls it."""

    title: str


@dataclass(frozen=True)
class StudyPlan:
    """A whole study.

    size: names the encoder. gpus: as weaver takes it, empty for a CPU.
    probe_labels: jets that a linear probe is fitted to; all other validation jets of the pre-training score it.
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
