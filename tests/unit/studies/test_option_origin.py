import shlex
from dataclasses import replace

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.search.origin import (
    all_options,
    check_same_command,
    check_same_options,
    commit_of,
    essence,
)
from hepjepa_weaver.search.plan import Run, Setting, read_plan
from tests.helpers.networks import REPOSITORY
from tests.unit.search.test_plan import written


@pytest.fixture
def plan(tmp_path):
    return read_plan(written(tmp_path))


def test_a_command_is_the_same_from_another_folder():
    here, there = (shlex.join(["weaver", f"/{place}/no event/net.pt", "-o", "r", "(0.4, 0.8)"]) for place in "ab")
    check_same_command(here, there, "it")
    with pytest.raises(UserError, match="it came of"):
        check_same_command(here, there.replace("0.8", "0.9"), "it")


def test_a_command_is_another_one_with_another_number_of_validation_jets():
    few, many = (f"weaver --data-val '/a/labels/validation_{jets}/*.root'" for jets in (2000, 5000))
    assert essence(few) == "weaver --data-val validation_2000/*.root"
    with pytest.raises(UserError, match="it came of"):
        check_same_command(few, many, "it")


def test_options_of_presets_and_defaults_are_known(plan):
    paper = Run("paper", Setting("hepjepa_pretrain", shared="-o preset paper"), 0)
    pretrained = all_options(plan, paper)
    assert "target_ratio (0.1, 0.15); " in pretrained
    assert "ema_schedule linear; " in pretrained
    assert "pooling" not in pretrained
    both = all_options(plan, paper, "-o pooling mean")
    assert both.startswith(pretrained)
    assert "pooling mean; " in both
    scratch = all_options(plan, replace(paper, setting=Setting("scratch")), "")
    assert "num_layers 3; " in scratch
    assert "ema_schedule" not in scratch


def test_other_options_are_named():
    check_same_options("a 1; b 2", "a 1; b 2", "it")
    with pytest.raises(UserError, match="it came of the options b 2 and not of b 3, c 1:"):
        check_same_options("a 1; b 2", "a 1; b 3; c 1", "it")
    with pytest.raises(UserError, match="it came of the options b 2 and not of none of these"):
        check_same_options("a 1; b 2", "a 1", "it")


def test_the_commit_is_that_of_the_clone(tmp_path):
    assert commit_of(tmp_path) == ""
    if (REPOSITORY / ".git").exists():
        assert len(commit_of(REPOSITORY).removesuffix("-dirty")) >= 7
