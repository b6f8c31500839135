"""A plan of a small study, and a folder to read it in."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from hepjepa_weaver.studies.read_plan import read_plan
from hepjepa_weaver.studies.study_plan import StudyPlan
from tests.helpers.study_plan import CONTENT, REPOSITORY, SEVERAL_SETTINGS


@pytest.fixture
def content() -> dict[str, Any]:
    """What the YAML file of the plan holds, to be changed at will."""
    return deepcopy(CONTENT)


@pytest.fixture
def settings(content) -> dict[str, Any]:
    """The same with several settings of pre-training, seeds of them, growth and probes."""
    return content | deepcopy(SEVERAL_SETTINGS)


@pytest.fixture
def write_plan(tmp_path: Path):
    def write(content: dict[str, Any]) -> Path:
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    return write


@pytest.fixture
def at_the_top(tmp_path, monkeypatch) -> Path:
    """A folder like the repository, where the workflow runs and its plans name files from; with files of jets."""
    for name in ("data_configs", "network_configs"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    for split in ("train", "val", "test"):
        (tmp_path / split).mkdir()
        for name in ("A_000.root", "B_000.root", "notes.txt"):
            (tmp_path / split / name).touch()
    (tmp_path / "jets.parquet").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plan(content, write_plan, at_the_top) -> StudyPlan:
    """The plan, read in that folder."""
    return read_plan(write_plan(content))


@pytest.fixture
def plan_of_settings(settings, write_plan, at_the_top) -> StudyPlan:
    """The plan with several settings of pre-training."""
    return read_plan(write_plan(settings))
