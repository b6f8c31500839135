from dataclasses import replace

import pytest

from hepjepa_weaver.search.plan import read_plan
from hepjepa_weaver.search.result_tables import recipes_table, results_table, rows_of_plan, with_spread
from tests.unit.search.test_plan import written
from tests.unit.search.test_results import ROW

TWO_RECIPES = [
    replace(ROW, label_seed=seed, view=view, value=value, validation=validation)
    for view, validation, values in (("a", 0.6, (0.50, 0.52)), ("b", 0.5, (0.9, 0.9)))
    for seed, (value) in enumerate(values)
]


def test_the_table_shows_the_recipe_that_validation_chose():
    rows = [*TWO_RECIPES, replace(ROW, measure="probe", view="context_mean", labels=4000, value=0.45)]
    line = results_table(rows, [50, 200]).splitlines()[2]
    assert line == "| jepa | 1 | 1 000 | 1.0 | – | 0.450 | – | 0.510 ± 0.014 | – |"


def test_a_recipe_counts_where_it_has_been_measured_with_all_seeds():
    unfinished = replace(TWO_RECIPES[0], view="c", validation=0.9, value=0.1)
    assert "| 0.510 ± 0.014 |" in results_table([*TWO_RECIPES, unfinished], [50])


def test_rows_that_the_plan_does_not_have_are_left_out(tmp_path):
    plan = read_plan(written(tmp_path))
    mpm = replace(ROW, setting="mpm")
    scratch = replace(ROW, setting="scratch", jets_seen=0)
    probe = replace(mpm, measure="probe", view="context_mean", labels=100)
    others = [
        ROW,
        replace(mpm, seed=2),
        replace(mpm, view="renamed"),
        replace(mpm, label_seed=1),
        replace(probe, view="target_mean"),
    ]
    assert rows_of_plan([*others, mpm, probe, scratch], plan) == [mpm, probe, scratch]


def test_the_table_shows_the_class_token_of_the_encoder_where_it_probes_better():
    probes = [
        replace(ROW, measure="probe", view=view, value=value, seed=seed)
        for view, value in (("target_class", 0.3), ("context_class", 0.4))
        for seed in (0, 1)
    ]
    line = results_table(probes, [50]).splitlines()[2]
    assert line == "| jepa | 2 | 1 000 | 1.0 | – | – | 0.400 ± 0.000 | – |"


def test_the_recipes_have_a_table_of_their_own():
    assert recipes_table(TWO_RECIPES).splitlines()[2:] == [
        "| jepa | a | 1 000 | 50 | 0.600 ± 0.000 | 0.510 ± 0.014 |",
        "| jepa | b | 1 000 | 50 | 0.500 ± 0.000 | 0.900 ± 0.000 |",
    ]


@pytest.mark.parametrize(("values", "wanted"), [([], "–"), ([0.5], "0.500"), ([0.4, 0.6], "0.500 ± 0.141")])
def test_spread(values, wanted):
    assert with_spread(values) == wanted
