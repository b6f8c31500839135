"""The cells of a study: every network with every number of labels and every seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from hepjepa_weaver.studies.planned_training import Pretraining
from hepjepa_weaver.studies.study_plan import StudyPlan


class PretrainingRun(NamedTuple):
    """One setting of pre-training with one of its seeds."""

    name: str
    seed: int


class Start(NamedTuple):
    """A checkpoint to start from: a run of pre-training after a number of epochs."""

    run: PretrainingRun
    epochs: int


@dataclass(frozen=True)
class Network:
    """One method with the checkpoint that it starts from.

    Attributes:
        name: name of its folders.
        group: name shared by all seeds of the pre-training.
        title: title of the group in tables.
        method: name of the method.
        start: checkpoint; None for training from scratch.
        is_first: whether its pre-training has the first of the seeds.
        is_final: whether it starts from the end of the pre-training, or from none.
    """

    name: str
    group: str
    title: str
    method: str
    start: Start | None = None
    is_first: bool = True
    is_final: bool = True


class Cell(NamedTuple):
    """One entry of a study.

    Attributes:
        task: name of the task.
        network: name of the network.
        labels: number of jets per class, or `all`.
        seed: seed of labels and weights.
    """

    task: str
    network: str
    labels: str
    seed: int


def pretraining_runs(plan: StudyPlan) -> Iterator[PretrainingRun]:
    """Yield every setting of pre-training with every seed."""
    for name, setting in plan.pretrainings.items():
        for seed in setting.all_seeds:
            yield PretrainingRun(name, seed)


def probed(plan: StudyPlan) -> Iterator[tuple[Start, str]]:
    """Yield every checkpoint to probe with each view to probe."""
    for run in pretraining_runs(plan):
        setting = plan.pretrainings[run.name]
        for epochs, view in product(setting.probed_after, setting.probes):
            yield Start(run, epochs), view


def networks(plan: StudyPlan, task: str) -> dict[str, Network]:
    """Return the networks of a task by name."""
    found = [network for method in plan.methods for network in _networks_of(plan, task, method)]
    return {network.name: network for network in found}


def network_of(plan: StudyPlan, cell: Cell) -> Network:
    """Return the network of a cell."""
    return networks(plan, cell.task)[cell.network]


def groups(plan: StudyPlan, task: str, *, is_final: bool = True) -> dict[str, list[Network]]:
    """Return the networks of a task by group; those of a group differ only in the seed of their pre-training.

    Args:
        plan: the study.
        task: name of the task.
        is_final: whether to return the networks from the end of a pre-training, or those from earlier epochs.
    """
    found: dict[str, list[Network]] = {}
    for network in networks(plan, task).values():
        if network.is_final == is_final:
            found.setdefault(network.group, []).append(network)
    return found


def cells(plan: StudyPlan) -> Iterator[Cell]:
    """Yield every cell.

    Networks that start from an earlier epoch of a pre-training have only the smallest number of labels.
    """
    for name, task in plan.tasks.items():
        counts = task.counts()
        for network in networks(plan, name).values():
            for labels, seed in product(counts if network.is_final else counts[:1], task.seeds):
                yield Cell(name, network.name, labels, seed)


def cells_of(plan: StudyPlan, task: str, group: str, labels: str) -> list[Cell]:
    """Return the cells of a group with a number of labels: by seed of pre-training and, for each, by seed of labels."""
    members = [network for network in networks(plan, task).values() if network.group == group]
    return [Cell(task, network.name, labels, seed) for network in members for seed in plan.tasks[task].seeds]


def trial_cells(plan: StudyPlan, cell: Cell) -> list[Cell]:
    """Return the cells whose validation jets choose the recipe of `cell`.

    These are the cells of the first seeds or, if the plan says so, of all seeds.

    In a data set in one piece, the test jets of one seed are among the training and validation jets of others. In this
    case, only the seed of the cell itself may choose.
    """
    task, network = plan.tasks[cell.task], network_of(plan, cell)
    members = cells_of(plan, cell.task, network.group, cell.labels)
    if task.held_out:
        return [member for member in members if member.seed == cell.seed and network_of(plan, member).is_first]
    return members if plan.training.try_with == "all_seeds" else members[:1]


def degradations_of(plan: StudyPlan, cell: Cell) -> tuple[str, ...]:
    """Return the names of the degradations that a cell is tested with.

    The final networks with most labels are tested with all degradations of the task, other networks with none.
    """
    task = plan.tasks[cell.task]
    return task.degradations if cell.labels == task.most_labels and network_of(plan, cell).is_final else ()


def degraded_cells(plan: StudyPlan) -> Iterator[tuple[Cell, str]]:
    """Yield every cell that is tested on degraded jets, with the name of each degradation."""
    for cell in cells(plan):
        for name in degradations_of(plan, cell):
            yield cell, name


def setting_title(plan: StudyPlan, name: str) -> str:
    """Return the title of a setting of pre-training in the report."""
    return plan.pretrainings[name].title or name.replace("_", " ")


def _networks_of(plan: StudyPlan, task: str, key: str) -> Iterator[Network]:
    method = plan.methods[key]
    if not method.pretraining:
        yield Network(key, key, method.title, key)
        return
    names = plan.tasks[task].pretrainings[method.pretraining]
    for name in names:
        setting = plan.pretrainings[name]
        has_one = len(names) == 1
        title = method.title if has_one else f"{method.title}: {setting_title(plan, name)}"
        for epochs in (setting.epochs, *setting.growth):
            group = key if has_one else f"{key}.{name}"
            group += "" if epochs == setting.epochs else f".after{epochs}"
            for seed in setting.all_seeds:
                yield _network(setting, Start(PretrainingRun(name, seed), epochs), group, title, key)


def _network(setting: Pretraining, start: Start, group: str, title: str, method: str) -> Network:
    seed = start.run.seed
    name = f"{group}.seed{seed}" if setting.seeds else group
    return Network(
        name, group, title, method, start, seed == setting.all_seeds[0], is_final=start.epochs == setting.epochs
    )
