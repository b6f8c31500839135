"""The table of means over files of jets."""

import awkward as ak
import numpy as np
import pytest
from speed.jet_production import Speed, average, speed_table

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.simulation.comparison import OBSERVABLES, comparison_table, jackknife
from hepjepa_weaver.simulation.files import JetFile, write_jets
from tests.helpers.hand_made import table_of_jets
from tests.helpers.messages import naming


def toy_jets(n_particles, n_jets=400):
    rng = np.random.default_rng(0)
    counts = rng.poisson(n_particles, n_jets) + 6
    n = counts.sum()
    part = {name: ak.unflatten(rng.normal(0, 0.2, n), counts) for name in ("part_deta", "part_dphi")}
    part |= {"part_px": ak.unflatten(np.ones(n), counts), "part_py": ak.unflatten(np.zeros(n), counts)}
    return ak.Array({"jet_pt": rng.normal(600, 50, n_jets), **part})


def test_observables():
    jets = toy_jets(34)
    estimates = {name: jackknife(function, jets) for name, function in OBSERVABLES.items()}
    particles = estimates["particles"]
    assert particles.value == pytest.approx(40, abs=4 * particles.error)
    assert particles.error == pytest.approx(np.sqrt(34 / 400), rel=0.5)
    assert estimates["standard deviation of deta"].value == pytest.approx(0.2, rel=0.02)
    share = float(np.mean(5 / ak.to_numpy(ak.num(jets.part_px))))
    assert estimates["pT share of the leading 5"].value == pytest.approx(share)


def test_table_of_root_and_parquet(tmp_path):
    parquet = tmp_path / "real.parquet"
    ak.to_parquet(toy_jets(34), parquet)
    (tmp_path / "val").mkdir()
    made = JetFile(tmp_path, "HToBB", "val", 0, 6, 1)
    write_jets(made, [table_of_jets()])
    lines = comparison_table([made.path, parquet]).splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| HToBB_000.root | 6 | 5 ± 0 |")
    assert lines[3].startswith("| real.parquet | 400 | 4")


def test_what_is_no_file_of_jets_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=naming("missing.root")):
        comparison_table([tmp_path / "missing.root"])
    wrong = tmp_path / "wrong.root"
    wrong.write_bytes(b"not ROOT")
    with pytest.raises(UserError, match=naming("wrong.root")):
        comparison_table([wrong])


def test_average_speed_is_jets_over_seconds():
    """Of equal jets a class: 100 jets/s and 50 jets/s are 66.7 jets/s."""
    speeds = [Speed("A", 100, 200, 1.0, 0.5), Speed("B", 200, 200, 4.0, 3.0)]
    both = average(speeds)
    assert both.n_jets / both.seconds == pytest.approx(200 / 3)
    assert both.pythia_seconds / both.seconds == pytest.approx(2.0 / 3.0)
    assert both.n_jets / both.n_events == pytest.approx(2 / 3)
    assert "| A | 100.0 | 400.0 | 0.50 | 50% |" in speed_table(speeds)
