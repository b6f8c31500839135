"""Checks that find the mistakes of a plan before it has run for hours."""

import re
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.predictions import class_names, read_label_names
from hepjepa_weaver.studies.planned_training import Pretraining, Training
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_method import Method
from hepjepa_weaver.studies.tagging_task import ALL, Task

NAME = re.compile(r"[\w-]+")
RECIPE = re.compile(r"[\w.+-]+")
OTHER_FILES = ("test", "intact", "net", "validation", "log", ALL)
"""Names that already mean something else."""


def check_plan(plan: StudyPlan) -> None:
    """Check the entries of a plan, each alone and together.

    Raises:
        UserError: an entry cannot be run, or does not fit the others; the message names the entry.
    """
    if not plan.output or plan.output.split() != [plan.output]:
        raise UserError(f"output is {plan.output!r}, but must be a path without blanks")
    _check_names(plan)
    _check_training(plan.training)
    _check_recipes(plan)
    for name, setting in plan.pretrainings.items():
        _check_pretraining(plan, f"pretrainings: {name}", setting)
    for name, task in plan.tasks.items():
        _check_task(plan, name, task)


def _check_names(plan: StudyPlan) -> None:
    """Raise a UserError for names that cannot be file names."""
    for part in (plan.pretrainings, plan.tasks, plan.methods, plan.degradations):
        for name in part:
            if not NAME.fullmatch(name) or name in OTHER_FILES:
                raise UserError(
                    f"{name!r} cannot be the name of a file: take letters, digits, _ and -, but not "
                    f"{', '.join(OTHER_FILES)}"
                )
    for method in plan.methods.values():
        for name in method.recipes:
            if not RECIPE.fullmatch(name):
                raise UserError(f"{name!r} cannot be the name of a recipe: take letters, digits, _, ., + and -")


def _check_training(training: Training) -> None:
    lengths = (training.epochs, *training.passes.values(), *training.batch_size.values())
    if min(lengths) < 1 or not training.passes or not training.batch_size:
        raise UserError("training: epochs, passes and batch_size have to be 1 or more")


def _check_recipes(plan: StudyPlan) -> None:
    """Raise a UserError for methods that try different numbers of recipes, or that have both rates and recipes.

    Networks from scratch get the same search effort as pre-trained ones.
    """
    for name, method in plan.methods.items():
        if method.rates and method.recipes:
            raise UserError(f"methods: {name}: give rates or recipes, not both")
    numbers = {len(method.tried) for method in plan.methods.values()}
    if len(numbers) > 1 or 0 in numbers:
        raise UserError("methods: every method has to get the same number of rates or recipes, 1 or more")


def _check_pretraining(plan: StudyPlan, where: str, setting: Pretraining) -> None:
    """Raise a UserError for less than one step per epoch, invalid seeds or growth, or probes without `probe_labels`."""
    if min(setting.batch_size, setting.epochs) < 1 or setting.steps_per_epoch < 1:
        raise UserError(f"{where}: jets_seen is less than one batch in each epoch")
    if setting.seeds and setting.seed:
        raise UserError(f"{where}: give seed or seeds, not both")
    if len(set(setting.all_seeds)) < len(setting.all_seeds) or min(setting.all_seeds) < 0:
        raise UserError(f"{where}: seeds are {list(setting.seeds)}, but must be 0 or more and each given once")
    rises = list(setting.growth) == sorted(set(setting.growth))
    if not rises or not all(0 < epochs < setting.epochs for epochs in setting.growth):
        raise UserError(f"{where}: growth is {list(setting.growth)}, but must rise between 1 and {setting.epochs - 1}")
    if setting.probes and plan.probe_labels < 1:
        raise UserError(f"{where}: there are probes, but probe_labels of the plan is not 1 or more")


def _check_task(plan: StudyPlan, name: str, task: Task) -> None:
    for method_name, method in plan.methods.items():
        _check_starts(plan, name, task, method_name, method)
    _check_background(name, task)
    unknown = set(task.degradations) - set(plan.degradations)
    if unknown:
        raise UserError(f"tasks: {name}: degradations has no {', '.join(sorted(unknown))}")
    _check_files(plan, name, task)
    _check_mixture(name, task)
    _check_labels(plan, name, task)


def _check_starts(plan: StudyPlan, name: str, task: Task, method_name: str, method: Method) -> None:
    """Raise a UserError for pre-trainings that the plan does not have."""
    starts = task.pretrainings.get(method.pretraining, ()) if method.pretraining else ()
    if method.pretraining and (not starts or set(starts) - set(plan.pretrainings)):
        known = ", ".join(plan.pretrainings)
        raise UserError(
            f"tasks: {name}: pretrainings has to name one of {known} for {method.pretraining!r}, as method "
            f"{method_name} asks"
        )
    if len(set(starts)) < len(starts):
        raise UserError(f"tasks: {name}: pretrainings names one twice for {method.pretraining!r}")


def _check_files(plan: StudyPlan, name: str, task: Task) -> None:
    """Raise a UserError if the jets for validation and test are not well defined."""
    in_one_piece = bool(task.held_out)
    if in_one_piece == bool(task.val and task.test):
        raise UserError(f"tasks: {name}: give val and test, or held_out")
    if in_one_piece and (len(task.held_out) != 2 or min(task.held_out) < 1 or task.all_labels):
        raise UserError(f"tasks: {name}: held_out is two numbers, for validation and test, and all_labels does not go")
    if in_one_piece and plan.training.try_with == "all_seeds":
        raise UserError(
            f"training: try_with all_seeds does not go with held_out, as task {name} has it: the test jets of one seed "
            "are training jets of another"
        )
    n_classes = len(read_label_names(Path(task.data_config)))
    if not in_one_piece and plan.training.validation_jets < n_classes:
        raise UserError(f"training: validation_jets is less than one for each of the {n_classes} classes of {name}")


def _check_mixture(name: str, task: Task) -> None:
    """Raise a UserError if the mixtures of a task are not well defined."""
    if not task.mixture:
        if task.background_jets:
            raise UserError(f"tasks: {name}: background_jets is of mixtures: give mixture, too")
        return
    if len(task.mixture) != 2 or not task.held_out:
        raise UserError(f"tasks: {name}: mixture is two classes, signal and background, and needs held_out")
    if task.background_jets < 2 or task.background_jets % 2 or task.held_out[0] >= task.background_jets // 2:
        raise UserError(f"tasks: {name}: background_jets is {task.background_jets}, but must be even and more than "
                        "twice the validation jets of held_out")  # fmt: skip
    if len(read_label_names(Path(task.data_config))) != 2:
        raise UserError(f"tasks: {name}: a mixture needs a data config with two classes, as JetClass_full_cwola")


def _check_labels(plan: StudyPlan, name: str, task: Task) -> None:
    """Raise a UserError for invalid numbers of labels, or if the plan does not say how to train with them."""
    if not task.seeds or not task.counts():
        raise UserError(f"tasks: {name}: seeds or labels are none: give at least one")
    if list(task.labels) != sorted(set(task.labels)) or min(task.labels, default=1) < 1:
        raise UserError(f"tasks: {name}: labels are {list(task.labels)}, but must be 1 or more and rising")
    fewest = min((*task.labels, *([10**9] if task.all_labels else [])))
    for what in ("passes", "batch_size"):
        if min(getattr(plan.training, what)) > fewest:
            raise UserError(f"training: {what} has no entry for {fewest} labels or fewer, as task {name} asks")


def _check_background(name: str, task: Task) -> None:
    """Raise a UserError if the class to reject is not in the data config."""
    classes = class_names(read_label_names(Path(task.data_config)))
    if task.background not in classes:
        raise UserError(f"tasks: {name}: background is {task.background!r}, but there is {', '.join(classes)}")
