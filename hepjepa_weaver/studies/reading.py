"""Read the plan of a grid from a YAML file and check it before anything runs."""

import re
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.yaml_plans import fill, fill_each, read_yaml
from hepjepa_weaver.evaluation.predictions import class_names, read_label_names
from hepjepa_weaver.studies.plan import GridPlan, Method, NamedDegradation, Pretraining, Task, Training

NAME = re.compile(r"[\w-]+")
OTHER_FILES = ("test", "intact", "net", "validation", "log")
"""Names that files of a training have already."""


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
    if not plan.output or plan.output.split() != [plan.output]:
        raise UserError(f"output is {plan.output!r}, but must be a path without blanks")
    for part in (plan.pretrainings, plan.tasks, plan.methods, plan.degradations):
        for name in part:
            if not NAME.fullmatch(name) or name in OTHER_FILES:
                raise UserError(
                    f"{name!r} cannot be the name of a file: take letters, digits, _ and -, but not "
                    f"{', '.join(OTHER_FILES)}"
                )
    _check_training(plan.training)
    numbers = {len(method.rates) for method in plan.methods.values()}
    if len(numbers) > 1 or 0 in numbers:
        raise UserError("methods: every method has to get the same number of rates, 1 or more")
    for name, pretraining in plan.pretrainings.items():
        if min(pretraining.batch_size, pretraining.epochs) < 1 or pretraining.steps_per_epoch < 1:
            raise UserError(f"pretrainings: {name}: jets_seen is less than one batch in each epoch")
    for name, task in plan.tasks.items():
        _check_task(plan, name, task)


def _check_training(training: Training) -> None:
    lengths = (training.epochs, *training.passes.values(), *training.batch_size.values())
    if min(lengths) < 1 or not training.passes or not training.batch_size:
        raise UserError("training: epochs, passes and batch_size have to be 1 or more")


def _check_task(plan: GridPlan, name: str, task: Task) -> None:
    for method_name, method in plan.methods.items():
        if method.pretraining and task.pretrainings.get(method.pretraining) not in plan.pretrainings:
            known = ", ".join(plan.pretrainings)
            raise UserError(
                f"tasks: {name}: pretrainings has to name one of {known} for {method.pretraining!r}, as method "
                f"{method_name} asks"
            )
    _check_background(name, task)
    unknown = set(task.degradations) - set(plan.degradations)
    if unknown:
        raise UserError(f"tasks: {name}: degradations has no {', '.join(sorted(unknown))}")
    _check_files(plan, name, task)
    _check_labels(plan, name, task)


def _check_files(plan: GridPlan, name: str, task: Task) -> None:
    """Raise UserError where it is not clear what the jets for validation and test are."""
    in_one_piece = bool(task.held_out)
    if in_one_piece == bool(task.val and task.test):
        raise UserError(f"tasks: {name}: give val and test, or held_out")
    if in_one_piece and (len(task.held_out) != 2 or min(task.held_out) < 1 or task.all_labels):
        raise UserError(f"tasks: {name}: held_out is two numbers, for validation and test, and all_labels does not go")
    n_classes = len(read_label_names(Path(task.data_config)))
    if not in_one_piece and plan.training.validation_jets < n_classes:
        raise UserError(f"training: validation_jets is less than one for each of the {n_classes} classes of {name}")


def _check_labels(plan: GridPlan, name: str, task: Task) -> None:
    """Raise UserError for numbers of labels that make no sense, or that the plan does not say how to train with."""
    if not task.seeds or not task.counts():
        raise UserError(f"tasks: {name}: seeds or labels are none: give at least one")
    if list(task.labels) != sorted(set(task.labels)) or min(task.labels, default=1) < 1:
        raise UserError(f"tasks: {name}: labels are {list(task.labels)}, but must be 1 or more and rising")
    fewest = min((*task.labels, *([10**9] if task.all_labels else [])))
    for what in ("passes", "batch_size"):
        if min(getattr(plan.training, what)) > fewest:
            raise UserError(f"training: {what} has no entry for {fewest} labels or fewer, as task {name} asks")


def _check_background(name: str, task: Task) -> None:
    """Raise UserError where the class to be rejected is none of the data config's."""
    classes = class_names(read_label_names(Path(task.data_config)))
    if task.background not in classes:
        raise UserError(f"tasks: {name}: background is {task.background!r}, but there is {', '.join(classes)}")
