"""What a grid compares: read from a YAML file, checked before anything runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from hepjepa_weaver.datasets.degrade import Degradation
from hepjepa_weaver.errors import UserError
from hepjepa_weaver.evaluation.predictions import class_names, read_label_names
from hepjepa_weaver.plan_files import fill, fill_each, read_yaml

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
    pretraining: the one that pre-trained methods start from.
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
    pretraining: str = ""
    degradations: tuple[str, ...] = ()
    published: Literal["", "JetClass", "TopLandscape", "QuarkGluon"] = ""
    common_jets: int = 0

    def counts(self) -> list[str]:
        """The numbers of labels as the names of folders have them."""
        return [*map(str, self.labels), *([ALL] if self.all_labels else [])]


@dataclass(frozen=True)
class Method:
    """One way to get a tagger.

    network: name of its network config. title: what the report calls it.
    is_pretrained: whether it starts from the task's pre-training.
    rates: learning rates to be tried with the first seed; validation jets choose one for every number of labels.
    weaver: further words of the command line.
    """

    title: str
    network: str
    rates: tuple[float, ...]
    is_pretrained: bool = False
    weaver: str = ""


@dataclass(frozen=True)
class Training:
    """How labels are used, by every method.

    passes, batch_size: by number of labels a class; those of the next smaller number count, too.
    epochs: at most, with validation after each; the best one counts. validation_jets: as many of each class, always
    the same. weaver: further words of the command line. loader: those about reading the files where `all` jets are
    used; other numbers of labels are held in memory.
    """

    passes: Mapping[int, int]
    batch_size: Mapping[int, int]
    epochs: int
    validation_jets: int
    weaver: str = ""
    loader: str = IN_MEMORY


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

    def degraded_cells(self) -> Iterator[tuple[Cell, str]]:
        """Every entry that is tested on degraded jets, with their names: those of most labels."""
        for cell in self.cells():
            task = self.tasks[cell.task]
            if cell.labels == task.counts()[-1]:
                for name in task.degradations:
                    yield cell, name


def read_grid(path: Path) -> GridPlan:
    """The plan in a YAML file.

    Raises:
        UserError: no such file, no YAML, an unknown or missing entry, one of another type, or entries that do not
            fit one another.
    """
    content = read_yaml(path)
    parts = {
        "training": fill(Training, content.get("training"), f"{path}: training"),
        "pretrainings": fill_each(Pretraining, content, "pretrainings", path),
        "tasks": fill_each(Task, content, "tasks", path),
        "methods": fill_each(Method, content, "methods", path),
    }
    if "degradations" in content:
        parts["degradations"] = fill_each(NamedDegradation, content, "degradations", path)
    plan = fill(GridPlan, {**content, **parts}, str(path))
    try:
        _check(plan)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return plan


def _check(plan: GridPlan) -> None:
    """Raise UserError for entries that do not fit one another."""
    numbers = {len(method.rates) for method in plan.methods.values()}
    if len(numbers) > 1 or 0 in numbers:
        raise UserError("methods: every method has to get the same number of rates, 1 or more")
    for name, pretraining in plan.pretrainings.items():
        if min(pretraining.batch_size, pretraining.epochs) < 1 or pretraining.steps_per_epoch < 1:
            raise UserError(f"pretrainings: {name}: jets_seen is less than one batch in each epoch")
    for name, task in plan.tasks.items():
        _check_task(plan, name, task)


def _check_task(plan: GridPlan, name: str, task: Task) -> None:
    needs_pretraining = any(method.is_pretrained for method in plan.methods.values())
    if needs_pretraining and task.pretraining not in plan.pretrainings:
        known = ", ".join(plan.pretrainings)
        raise UserError(f"tasks: {name}: pretraining is {task.pretraining!r}, but there is {known}")
    if not task.seeds or not task.counts():
        raise UserError(f"tasks: {name}: seeds or labels are none: give at least one")
    _check_background(name, task)
    unknown = set(task.degradations) - set(plan.degradations)
    if unknown:
        raise UserError(f"tasks: {name}: degradations has no {', '.join(sorted(unknown))}")
    if {"test", "intact", "net", "validation"} & set(task.degradations):
        raise UserError("degradations: test, intact, net and validation are names of other files: choose another")
    in_one_piece = bool(task.held_out)
    if in_one_piece == bool(task.val and task.test):
        raise UserError(f"tasks: {name}: give val and test, or held_out")
    if in_one_piece and (len(task.held_out) != 2 or min(task.held_out) < 1 or task.all_labels):
        raise UserError(f"tasks: {name}: held_out is two numbers, for validation and test, and all_labels does not go")
    fewest = min((*task.labels, *([10**9] if task.all_labels else [])))
    for what in ("passes", "batch_size"):
        if min(getattr(plan.training, what), default=fewest + 1) > fewest:
            raise UserError(f"training: {what} has no entry for {fewest} labels or fewer, as task {name} asks")


def _check_background(name: str, task: Task) -> None:
    """Raise UserError where the class to be rejected is none of the data config's."""
    classes = class_names(read_label_names(Path(task.data_config)))
    if task.background not in classes:
        raise UserError(f"tasks: {name}: background is {task.background!r}, but there is {', '.join(classes)}")
