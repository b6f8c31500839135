from dataclasses import replace

import pytest

from hepjepa_weaver.search.results import Results, Row, read_rows, results_table, with_spread

ROW = Row("jepa", "-o a 1", 0, 1000, 60.0, "accuracy", "plain", 50, 0, 0.5, 0.4, "weaver ...")


def test_rows_survive_the_file(tmp_path):
    results = Results(tmp_path / "results.csv")
    rows = [ROW, replace(ROW, measure="probe", view="target_mean", validation=None)]
    for row in rows:
        results.add(row)
    assert read_rows(results.path) == rows
    again = Results(results.path)
    assert ROW.key in again
    assert replace(ROW, label_seed=1).key not in again


def test_the_table_shows_the_recipe_that_validation_chose():
    rows = [
        replace(ROW, label_seed=seed, view=view, value=value, validation=validation)
        for view, validation, values in (("a", 0.6, (0.50, 0.52)), ("b", 0.5, (0.9, 0.9)))
        for seed, (value) in enumerate(values)
    ]
    rows.append(replace(ROW, measure="probe", view="context_mean", labels=4000, value=0.45))
    line = results_table(rows, [50, 200]).splitlines()[-1]
    assert line == "| jepa | 1 | 1 000 | 1.0 | – | 0.450 | – | 0.510 ± 0.014 | – |"


@pytest.mark.parametrize(("values", "wanted"), [([], "–"), ([0.5], "0.500"), ([0.4, 0.6], "0.500 ± 0.141")])
def test_spread(values, wanted):
    assert with_spread(values) == wanted
