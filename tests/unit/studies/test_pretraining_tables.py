import json

import pytest

from hepjepa_weaver.common.epoch_metrics import EpochMetrics, write_training
from hepjepa_weaver.evaluation.bootstrap import Interval
from hepjepa_weaver.studies.cell_results import CellResult
from hepjepa_weaver.studies.cells import PretrainingRun, Start, cells, probed
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.pretraining_tables import growth_table, history_table, pretrainings_table


@pytest.fixture
def measured(plan_of_settings):
    """Pre-trainings of two epochs, whose probes see 0.1 more after each and another 0.01 in the second seed."""
    layout = Layout(plan_of_settings)
    for start, view in probed(plan_of_settings):
        path = layout.probe(start, view)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"accuracy": 0.1 * start.epochs + 0.01 * start.run.seed}))
    for seed in (0, 1):
        for epoch in (0, 1):
            validation = {"loss": 1.5 - epoch, "effective_rank": 20.0 + epoch, "target_std": None}
            entry = EpochMetrics(epoch, 160, 60.0, {}, validation, 0.5)
            write_training(layout.history(PretrainingRun("reference", seed)), entry)
    return plan_of_settings


def lines(table):
    return table.splitlines()[2:]


def test_every_epoch_of_a_run_is_shown(measured):
    assert lines(history_table(measured)) == [
        f"| reference | {seed} | {jets} | {loss} | – | – | {rank} | – |"
        for seed in (0, 1)
        for jets, loss, rank in ((160, 1.5, 20), (320, 0.5, 21))
    ]


def test_settings_are_shown_at_their_end(measured):
    """That of a version that wrote no epochs has none."""
    assert lines(pretrainings_table(measured)) == [
        "| reference | 2 | 320 | 2.0 | 21.0 | 0.205 ± 0.007 | 0.205 ± 0.007 |",
        "| MPM | 1 | 320 | – | – | – | 0.200 |",
    ]


def test_growth_is_shown_for_what_was_measured_on_the_way(measured):
    interval = Interval(0.5, 0.4, 0.6)
    results = {cell: CellResult({"accuracy": interval}, {"QCD": 10}) for cell in cells(measured)}
    title = "HEP-JEPA, fine-tuned: reference"
    assert lines(growth_table(measured, results, "toy")) == [
        f"| {title} | 160 | 2 × 2 | 0.105 ± 0.007 | 0.105 ± 0.007 | 0.5 |",
        f"| {title} | 320 | 2 × 2 | 0.205 ± 0.007 | 0.205 ± 0.007 | 0.5 |",
    ]


def test_checkpoints_of_growth_are_those_of_the_same_run(measured):
    early = Layout(measured).checkpoint(Start(PretrainingRun("reference", 1), 1))
    assert str(early) == "runs/toy/pretrained/reference/seed1/net_epoch-0_state.pt"
