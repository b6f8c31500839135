"""The commands that make the jets of a study and measure predictions; each can be run by hand."""

import functools
import shlex
from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.datasets.jet_files import kind_of
from hepjepa_weaver.datasets.pool import read_pool
from hepjepa_weaver.evaluation.predictions import read_label_names
from hepjepa_weaver.studies.cells import Cell
from hepjepa_weaver.studies.layout import Layout, files_of
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_task import ALL


def subset(plan: StudyPlan, task_name: str, labels: str, seed: int) -> str:
    """Return the command that draws the jets of a cell, and the validation and test jets held out with them."""
    task = plan.tasks[task_name]
    if task.held_out:
        validation_jets, test_jets = map(str, task.held_out)
        disjoint = ["--validation", validation_jets, "--test", test_jets]
    else:
        disjoint = []  # `check_apart` compares all jets once, before any training
    if task.mixture:
        column = ["--label", task.label] if task.label else []
        return shlex.join([
            "hepjepa", "subset", *places(plan, task_name, "train"), "-o",
            str(Layout(plan).subset(task_name, labels, seed)), "--cwola", *task.mixture, "--signal-jets", labels,
            "--background-jets", str(task.background_jets), *column, "--seed", str(seed), *disjoint,
        ])  # fmt: skip
    return _draw(
        places(plan, task_name, "train"), str(Layout(plan).subset(task_name, labels, seed)), labels, task.label,
        "--seed", str(seed), *disjoint,
    )  # fmt: skip


def validation(plan: StudyPlan, task_name: str) -> str:
    """Return the command that draws the validation jets of a data set with files for validation."""
    task, per_class = plan.tasks[task_name], validation_labels(plan, task_name)
    return _draw(places(plan, task_name, "val"), str(Layout(plan).validation(task_name)), str(per_class), task.label)


def check_apart(plan: StudyPlan, task_name: str) -> str:
    """Return the command that checks whether any jets are common.

    Jets for training and pre-training, for validation and for test have to be apart.
    """
    train, val, test = (places(plan, task_name, use) for use in ("train", "val", "test"))
    words = ["hepjepa", "check-apart", "--train", *train, "--validation", *val, "--test", *test]
    known = sources(plan, task_name, "train")
    pretraining = [path for path in pretraining_sources(plan, task_name) if path not in known]
    words += ["--pretraining", *pretraining] if pretraining else []
    allowed = plan.tasks[task_name].common_jets
    words += ["--allow-common", str(allowed)] if allowed else []
    return shlex.join([*words, "-o", str(Layout(plan).apart(task_name))])


def degrade(plan: StudyPlan, task_name: str, draw: str, name: str) -> str:
    """Return the command that writes degraded test jets.

    Args:
        plan: the study.
        task_name: name of the task.
        draw: draw of the test jets, as `Layout.draw` names it.
        name: name of the degradation.
    """
    layout, degradation, task = Layout(plan), plan.degradations[name], plan.tasks[task_name]
    held_out = [str(layout.output / "labels" / task_name / draw / "test")]
    jets = held_out if task.held_out else places(plan, task_name, "test")
    words = ["hepjepa", "degrade", *jets, "-o", str(layout.degraded(task_name, draw, name))]
    words += ["--zero", *degradation.zero] if degradation.zero else []
    words += ["--drop", f"{degradation.drop:g}"] if degradation.drop else []
    return shlex.join(words)


def evaluate(plan: StudyPlan, task_name: str, prediction: str, output: str) -> str:
    """Return the command that writes the metrics of a prediction."""
    task = plan.tasks[task_name]
    words = ["hepjepa", "evaluate", prediction, "--data-config", task.data_config]
    words += ["--significance"] if task.mixture else []
    return shlex.join([*words, "--background", task.background, "-o", output])


def probe(plan: StudyPlan, embeddings: str, output: str) -> str:
    """Return the command that fits a linear probe to embeddings and scores it."""
    module = "hepjepa_weaver.studies.embedding_probe"
    return shlex.join(["python", "-m", module, embeddings, "--labels", str(plan.probe_labels), "-o", output])


def training_jets(plan: StudyPlan, cell: Cell) -> int:
    """Return the number of jets that a cell is trained with."""
    if cell.labels == ALL:
        return count_jets(tuple(sources(plan, cell.task, "train")))
    task = plan.tasks[cell.task]
    if task.mixture:
        return task.background_jets + int(cell.labels) - 2 * task.held_out[0]
    return int(cell.labels) * num_classes(plan, cell.task)


def validation_labels(plan: StudyPlan, task_name: str) -> int:
    """Return the number of validation jets per class."""
    task = plan.tasks[task_name]
    return task.held_out[0] if task.held_out else plan.training.validation_jets // num_classes(plan, task_name)


def sources(plan: StudyPlan, task_name: str, use: str) -> list[str]:
    """Return the files that a task names for `train`, `val` or `test`, or an empty list if it names none.

    Raises:
        UserError: the task names a place without files.
    """
    task = plan.tasks[task_name]
    place: str = getattr(task, use)
    return files_of(place, task.suffix) if place else []


def places(plan: StudyPlan, task_name: str, use: str) -> list[str]:
    """Return the arguments of commands for `train`, `val` or `test`: a directory as it is, else the files.

    Raises:
        UserError: the task names a place without files.
    """
    place: str = getattr(plan.tasks[task_name], use)
    return [place] if Path(place).is_dir() else sources(plan, task_name, use)


def pretraining_sources(plan: StudyPlan, task_name: str) -> list[str]:
    """Return the files that the pre-trainings of a task are trained with.

    Raises:
        UserError: a pre-training names a place without files.
    """
    names = [name for names in plan.tasks[task_name].pretrainings.values() for name in names]
    patterns = dict.fromkeys(plan.pretrainings[name].train for name in names)
    return list(dict.fromkeys(path for pattern in patterns for path in files_of(pattern, "")))


def labels_of_all(plan: StudyPlan, task_name: str) -> int:
    """Return the number of jets per class in all training files, that of the smallest class if they differ."""
    return _smallest_class(tuple(sources(plan, task_name, "train")), plan.tasks[task_name].label or None)


@functools.cache
def count_jets(files: tuple[str, ...]) -> int:
    """Return the number of jets in files."""
    return sum(kind_of(Path(path)).count_jets(Path(path)) for path in files)


def num_classes(plan: StudyPlan, task: str) -> int:
    """Return the number of classes of a task."""
    return _num_classes(plan.tasks[task].data_config)


@functools.cache
def _num_classes(data_config: str) -> int:
    return len(read_label_names(Path(data_config)))


@functools.cache
def _smallest_class(files: tuple[str, ...], label: str | None) -> int:
    return min(jets.total() for jets in read_pool([Path(path) for path in files], label).classes)


def _draw(files: Sequence[str], output: str, labels: str, label: str, *options: str) -> str:
    column = ("--label", label) if label else ()
    return shlex.join(["hepjepa", "subset", *files, "-o", output, "--labels-per-class", labels, *column, *options])
