"""The plan of a study in a YAML file, read and checked before anything runs."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.yaml_plans import fill, fill_each, read_yaml
from hepjepa_weaver.studies.option_checks import check_options
from hepjepa_weaver.studies.plan_checks import check_plan
from hepjepa_weaver.studies.planned_options import found_here_or_shipped
from hepjepa_weaver.studies.planned_training import Pretraining, Training
from hepjepa_weaver.studies.study_plan import NamedDegradation, StudyPlan
from hepjepa_weaver.studies.tagging_method import Method
from hepjepa_weaver.studies.tagging_task import ALL, Task

DEFAULTS = "pretraining_defaults"
"""Entry of a plan with the defaults of all its pre-trainings."""


def read_plan(path: Path, with_options: bool = True) -> StudyPlan:
    """Read the plan in a YAML file, and check it.

    Args:
        path: the YAML file.
        with_options: whether to check the options of the networks, too, which takes some seconds.

    Raises:
        UserError: there is no such file, it is no YAML, or an entry is unknown, missing or of another type. It is also
            raised if the entries do not fit one another.
    """
    content = with_defaults(read_yaml(path), path)
    pretrainings = {} if content.get("pretrainings") == {} else fill_each(Pretraining, content, "pretrainings", path)
    content = with_lists_of_pretrainings(content, list(pretrainings))
    parts: dict[str, Any] = {
        "training": fill(Training, content.get("training"), f"{path}: training"),
        "pretrainings": _with_data_configs(pretrainings),
        "tasks": _with_data_configs(fill_each(Task, content, "tasks", path)),
        "methods": fill_each(Method, content, "methods", path),
    }
    if "degradations" in content:
        parts["degradations"] = fill_each(NamedDegradation, content, "degradations", path)
    plan = fill(StudyPlan, {**content, **parts}, str(path))
    try:
        check_plan(plan)
        if with_options:
            check_options(plan)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return plan


def with_defaults(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the content of a plan with the defaults copied into each of its pre-trainings.

    Raises:
        UserError: the defaults are no mapping.
    """
    given, entries = content.get(DEFAULTS, {}), content.get("pretrainings", {})
    if not isinstance(given, dict):
        raise UserError(f"{path}: {DEFAULTS} is {given!r}, but must be a mapping")
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        return content  # refused later, with all other entries of a wrong type
    filled = {name: {**given, **entry} for name, entry in entries.items()}
    return {name: value for name, value in content.items() if name != DEFAULTS} | {"pretrainings": filled}


def with_lists_of_pretrainings(content: dict[str, Any], known: list[str]) -> dict[str, Any]:
    """Return the content of a plan with a list wherever a task names one pre-training, or `all`."""
    tasks = content.get("tasks")
    if not isinstance(tasks, dict):
        return content
    return content | {"tasks": {name: _with_lists(task, known) for name, task in tasks.items()}}


def _with_lists(task: Any, known: list[str]) -> Any:
    named = task.get("pretrainings") if isinstance(task, dict) else None
    if not isinstance(named, dict):
        return task
    lists = {key: [value] if isinstance(value, str) else value for key, value in named.items()}
    return task | {"pretrainings": {key: known if value == [ALL] else value for key, value in lists.items()}}


def _with_data_configs(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return tasks or pre-trainings with the path of the data config that exists."""
    return {
        name: dataclasses.replace(entry, data_config=found_here_or_shipped(entry.data_config))
        for name, entry in entries.items()
    }
