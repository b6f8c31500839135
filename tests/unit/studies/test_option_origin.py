from dataclasses import replace
from functools import partial

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies.cells import Cell, PretrainingRun
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.option_origin import (
    NOTE,
    check_origins,
    check_same_options,
    pretraining_options,
    recorded_pretraining_options,
    recorded_training_options,
    training_options,
)


def test_options_of_presets_and_defaults_are_known(plan_of_settings):
    found = pretraining_options(plan_of_settings, "reference")
    assert "ema_schedule linear; " in found
    assert "pooling" not in found
    assert "layout" not in found  # it changes no result
    cell = Cell("toy", "finetuned.mpm", "2", 0)
    recipe = plan_of_settings.methods["finetuned"].recipe("0.001")
    trained = training_options(plan_of_settings, cell, recipe)
    assert "pooling mean; " in trained
    assert "num_layers 1; " in trained  # shared by the setting of pre-training
    assert "ema_schedule" not in trained


def test_checkpoints_of_other_options_are_not_taken_for_those_of_the_plan(plan):
    """As after an update of the package that changes a default."""
    prefix = Layout(plan).pretrained(PretrainingRun("hepjepa", 0))
    prefix.parent.mkdir(parents=True)
    options = pretraining_options(plan, "hepjepa")
    (prefix.parent / NOTE).write_text(options.replace("embedding mean", "embedding class") + "\n")
    check_origins(plan)  # nothing was trained yet
    (prefix.parent / "net_epoch-0_state.pt").touch()
    with pytest.raises(UserError, match="embedding class and not of embedding mean"):
        check_origins(plan)
    (prefix.parent / NOTE).write_text(options + "\n")
    check_origins(plan)
    (prefix.parent / NOTE).write_text(options.replace("; pt_ranks False", "") + "\n")  # before there was such an option
    check_origins(plan)
    (prefix.parent / NOTE).unlink()  # of a version that wrote none
    check_origins(plan)


@pytest.mark.parametrize("kind", ["pre-training", "training"])
def test_an_option_added_since_repeats_no_job(plan_of_settings, kind):
    """Snakemake repeats a job whose options are others than before."""
    plan = plan_of_settings
    if kind == "pre-training":
        run = PretrainingRun("reference", 0)
        note = Layout(plan).pretrained(run).with_name(NOTE)
        now, recorded = pretraining_options(plan, "reference"), partial(recorded_pretraining_options, plan, run)
    else:
        cell, recipe = Cell("toy", "finetuned.mpm", "2", 0), plan.methods["finetuned"].recipe("0.001")
        note = Layout(plan).trained(cell, recipe) / NOTE
        now, recorded = training_options(plan, cell, recipe), partial(recorded_training_options, plan, cell, recipe)
    assert recorded() == now
    note.parent.mkdir(parents=True)
    before = now.replace("; pt_ranks False", "")
    note.write_text(before + "\n")
    assert recorded() == before != now
    note.write_text(now.replace("pair_bias True", "pair_bias False") + "\n")
    assert recorded() == now


def test_an_option_that_came_with_a_default_of_effect_is_told_from_its_absence(plan):
    """Versions without `composition_weight` predicted no composition."""
    run = PretrainingRun("hepjepa", 0)
    note = Layout(plan).pretrained(run).with_name(NOTE)
    note.parent.mkdir(parents=True)
    (note.parent / "net_epoch-0_state.pt").touch()
    setting = plan.pretrainings["hepjepa"]
    without, default = (
        replace(plan, pretrainings={"hepjepa": replace(setting, options=words)})
        for words in ("-o composition_weight 0", "")
    )
    note.write_text(pretraining_options(without, "hepjepa").replace("; composition_weight 0.0", "") + "\n")
    check_origins(without)
    with pytest.raises(UserError, match=r"none of these and not of composition_weight 1\.0"):
        check_origins(default)


def test_options_of_a_network_of_ones_own_are_not_known(plan, at_the_top):
    (at_the_top / "own.py").touch()
    setting = replace(plan.pretrainings["hepjepa"], network="own.py")
    assert "outside the package" in pretraining_options(replace(plan, pretrainings={"a": setting}), "a")


def test_other_options_are_named():
    check_same_options("a 1; b 2", "a 1; b 2", "it")
    with pytest.raises(UserError, match="b 2 and not of b 3, c 1:"):
        check_same_options("a 1; b 2", "a 1; b 3; c 1", "it")
    check_same_options("a 1; b 2", "b 2; a 1", "it")
    check_same_options("a 1", "a 1; c 1", "it", "a 0; c 1")
    with pytest.raises(UserError, match="none of these and not of c 2"):
        check_same_options("a 1", "a 1; c 2", "it", "a 0; c 1")
    with pytest.raises(UserError, match="b 2 and not of none of these"):
        check_same_options("a 1; b 2", "a 1", "it")
