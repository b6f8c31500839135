"""A plan of a small grid: two methods, two numbers of labels and all, two seeds."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from hepjepa_weaver.studies.plan import GridPlan
from hepjepa_weaver.studies.reading import read_grid
from tests.helpers.study_plan import CONTENT


@pytest.fixture
def content() -> dict[str, Any]:
    """What the YAML file of the plan holds, to be changed at will."""
    return deepcopy(CONTENT)


@pytest.fixture
def write_plan(tmp_path: Path):
    def write(content: dict[str, Any]) -> Path:
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def plan(content, write_plan, at_the_top) -> GridPlan:
    """The plan, read at the top of the repository or of a folder like it."""
    return read_grid(write_plan(content))
