from dataclasses import replace

import pytest

from hepjepa_weaver.search.results import Results, Row, read_rows, recipes_table, results_table, with_spread

ROW = Row(
    setting="jepa",
    options="-o a 1",
    seed=0,
    jets_seen=1000,
    seconds=60.0,
    measure="accuracy",
    view="plain",
    labels=50,
    value=0.5,
    validation=0.4,
    command="weaver ...",
)


def test_rows_survive_the_file(tmp_path):
    results = Results(tmp_path / "results.csv")
    rows = [ROW, replace(ROW, measure="probe", view="target_mean", validation=None)]
    for row in rows:
        results.add(row)
    assert read_rows(results.path) == rows
    again = Results(results.path)
    assert again.find(ROW.key) == ROW
    assert again.find(replace(ROW, label_seed=1).key) is None


TWO_RECIPES = [
    replace(ROW, label_seed=seed, view=view, value=value, validation=validation)
    for view, validation, values in (("a", 0.6, (0.50, 0.52)), ("b", 0.5, (0.9, 0.9)))
    for seed, (value) in enumerate(values)
]


def test_the_table_shows_the_recipe_that_validation_chose():
    rows = [*TWO_RECIPES, replace(ROW, measure="probe", view="context_mean", labels=4000, value=0.45)]
    line = results_table(rows, [50, 200]).splitlines()[2]
    assert line == "| jepa | 1 | 1 000 | 1.0 | – | 0.450 | – | 0.510 ± 0.014 | – |"


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
