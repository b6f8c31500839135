"""What a grid compares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from hepjepa_weaver.datasets.degrade import Degradation

ALL = "all"
"""Stands for the number of labels where all jets of the training files are used."""

IN_MEMORY = "--in-memory --fetch-step 1"
"""How weaver reads files that fit into memory."""


@dataclass(frozen=True)
class Pretraining:
    """One pre-training without labels.

    network: name of its network config. data_config, train, val: as weaver takes them.
    jets_seen, batch_size: its budget. epochs: parts of it, with a checkpoint after each.
    weaver: further words of the command line: optimiser, schedule, options. loader: those about reading the files.
    """

    network: str
    data_config: str
    train: str
    val: str
    jets_seen: int
    batch_size: int
    epochs: int
    weaver: str = ""
    loader: str = IN_MEMORY
    seed: int = 0

    @property
    def steps_per_epoch(self) -> int:
        return self.jets_seen // (self.batch_size * self.epochs)


@dataclass(frozen=True)
class Task:
    """One data set to tag.

    data_config: of weaver. background: the class to be rejected. title: what the report calls it.
    train, val, test: a directory, a file or a pattern of jets each. A data set in one piece has them all in `train`,
    and `held_out`, jets of each class for validation and for test, another draw for every seed.
    suffix: of the files. label: the column that tells the class where files mix them.
    labels: jets of each class to train with; `all_labels`: and all there are.
    pretrainings: by the names that methods give them, those to start from.
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
    pretrainings: Mapping[str, str] = field(default_factory=dict)
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
class Method:
    """One way to get a tagger.

    network: name of its network config. title: what the report calls it.
    pretraining: which of the task's pre-trainings it starts from; empty for training from scratch.
    rates: learning rates to be tried with the first seed; validation jets choose one for every number of labels.
    weaver: further words of the command line.
    """

    title: str
    network: str
    rates: tuple[float, ...]
    pretraining: str = ""
    weaver: str = ""


@dataclass(frozen=True)
class Training:
    """How labels are used, by every method.

    passes, batch_size: by number of labels a class; those of the next smaller number count, too.
    epochs: at most, with validation after each; the best one counts. validation_jets: as many of each class, always
    the same; needed where validation jets are files of their own. weaver: further words of the command line.
    loader: those about reading the files of more than `most_in_memory` jets; fewer are held in memory.
    """

    passes: Mapping[int, int]
    batch_size: Mapping[int, int]
    epochs: int
    validation_jets: int = 0
    weaver: str = ""
    loader: str = IN_MEMORY
    most_in_memory: int = 1_000_000


@dataclass(frozen=True, kw_only=True)
class NamedDegradation(Degradation):
    """What is taken from test jets, and what the report calls it."""

    title: str


class Cell(NamedTuple):
    """One entry of the grid; labels is a number of jets a class or `all`."""

    task: str
    method: str
    labels: str
    seed: int


@dataclass(frozen=True)
class GridPlan:
    """A whole grid. size: names the encoder; gpus: as weaver takes it, empty for a CPU."""

    output: str
    size: str
    training: Training
    pretrainings: Mapping[str, Pretraining]
    tasks: Mapping[str, Task]
    methods: Mapping[str, Method]
    degradations: Mapping[str, NamedDegradation] = field(default_factory=dict)
    gpus: str = ""

    def cells(self) -> Iterator[Cell]:
        """Every entry of the grid."""
        for name, task in self.tasks.items():
            for method in self.methods:
                for labels in task.counts():
                    for seed in task.seeds:
                        yield Cell(name, method, labels, seed)

    def degradations_of(self, cell: Cell) -> tuple[str, ...]:
        """Which degraded jets an entry is tested on: all of its task for those of most labels, else none."""
        task = self.tasks[cell.task]
        return task.degradations if cell.labels == task.most_labels else ()

    def degraded_cells(self) -> Iterator[tuple[Cell, str]]:
        """Every entry that is tested on degraded jets, with their names."""
        for cell in self.cells():
            for name in self.degradations_of(cell):
                yield cell, name
