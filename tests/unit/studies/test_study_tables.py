import dataclasses
import json

import numpy as np
import pytest

from hepjepa_weaver.evaluation.bootstrap import Interval, bootstrap_metrics
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.tables import results_table as report_table
from hepjepa_weaver.studies import study_tables
from hepjepa_weaver.studies.cell_results import CellResult, read_result
from hepjepa_weaver.studies.cells import Cell, cells
from hepjepa_weaver.studies.read_plan import read_plan


@pytest.fixture
def results(plan_of_settings):
    """0.1 from one seed of pre-training to the next, 0.01 from one seed of labels to the next."""
    found = {}
    for cell in cells(plan_of_settings):
        value = 0.5 + 0.1 * cell.network.endswith("seed1") + 0.01 * cell.seed
        found[cell] = CellResult({name: Interval(value, value, value) for name in ("accuracy", "AUC")}, {"QCD": 10})
    return found


def rows(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_a_row_tells_how_many_seeds_it_is_of(plan_of_settings, results):
    found = {(row[0], row[1]): row[2] for row in rows(study_tables.results_table(plan_of_settings, results, "toy"))}
    assert len(found) == 3 * 3
    assert found["2", "HEP-JEPA, fine-tuned: reference"] == "2 × 2"
    assert found["all", "HEP-JEPA, fine-tuned: MPM"] == found["5", "ParT from scratch"] == "2"


def test_the_spread_of_pretrainings_stands_beside_that_of_labels(plan_of_settings, results):
    found = rows(study_tables.spreads_table(plan_of_settings, results, "toy"))
    assert [row[0] for row in found] == ["2", "5", "all"]
    assert found[0][1:] == ["HEP-JEPA, fine-tuned: reference", "2", "2", "0.071", "0.0071", "0.071", "0.0071"]


def test_without_repeated_pretrainings_there_is_nothing_to_tell_apart(plan):
    found = {cell: CellResult({"accuracy": Interval(0.5, 0.4, 0.6)}, {"QCD": 10}) for cell in cells(plan)}
    assert study_tables.spreads_table(plan, found, "toy") == ""


def test_a_prediction_has_the_same_figures_in_a_report_and_in_a_study(content, write_plan, at_the_top, tmp_path):
    """One estimate of the error of each metric: that of the quick start's report is that of a study."""
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    scores = 1 / (1 + np.exp(rng.normal(size=(400, 1)) + 2 * labels[:, None] - 1))
    predictions = Predictions(np.hstack([scores, 1 - scores]), labels, ("Top", "QCD"))
    metrics = {name: dataclasses.asdict(entry) for name, entry in bootstrap_metrics(predictions, "QCD").items()}
    (tmp_path / "m.json").write_text(json.dumps({"metrics": metrics, "jets_per_class": predictions.jets_per_class()}))
    content["tasks"]["toy"] |= {"labels": [5], "all_labels": False, "seeds": [0]}
    del content["methods"]["finetuned"]
    plan = read_plan(write_plan(content))
    results = {Cell("toy", "part", "5", 0): read_result(tmp_path / "m.json")}
    in_study = rows(study_tables.results_table(plan, results, "toy"))[0][3:]
    in_report = rows(report_table({"ParT": predictions}, "QCD").partition("\n\n")[0])[0][1:]
    assert in_study == in_report
    assert all(" ± " in figure for figure in in_report)
