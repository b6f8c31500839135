from dataclasses import replace

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.search.results import Results, Row, read_rows

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
    config="a 1; b 2",
    commit="abc",
    pretraining="weaver --first",
    command="weaver ...",
)


def test_rows_survive_the_file(tmp_path):
    results = Results(tmp_path / "results.csv")
    rows = [ROW, replace(ROW, measure="probe", view="target_mean", validation=None)]
    for row in rows:
        results.add(row)
    assert read_rows(results.path) == rows
    again = Results(results.path)
    assert again.has(replace(ROW, value=0.1))
    assert not again.has(replace(ROW, label_seed=1))


@pytest.mark.parametrize("change", [{"pretraining": "weaver --second"}, {"command": "weaver"}, {"config": "a 1; b 3"}])
def test_a_measurement_of_another_origin_is_not_taken_for_this_one(tmp_path, change):
    results = Results(tmp_path / "results.csv")
    results.add(ROW)
    with pytest.raises(UserError, match=r"results\.csv: jepa, accuracy plain came of"):
        results.has(replace(ROW, **change))


def test_a_file_of_another_version_is_refused(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("setting,value\njepa,0.5\n")
    with pytest.raises(UserError, match="has not the columns setting, options"):
        read_rows(path)
