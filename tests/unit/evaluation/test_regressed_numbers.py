"""Bias, resolution and tails of regressed numbers, from prediction files."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from weaver.train import save_parquet, save_root

from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.regressed_numbers import (
    RegressedNumber,
    number_metrics,
    read_numbers,
    require_known,
)
from tests.helpers.messages import names, naming

JETS = 4000
RNG = np.random.default_rng(1)
MASS = RNG.uniform(50, 200, JETS)
RESPONSE = RNG.normal(1.05, 0.1, JETS)


def mass(predicted=None, **quantiles) -> RegressedNumber:
    predicted = MASS * RESPONSE if predicted is None else predicted
    return RegressedNumber("mass", MASS, predicted, {float(q[1:]) / 100: v for q, v in quantiles.items()}, 0)


def write(path, labels, observers, scores=None):
    config = SimpleNamespace(label_type="custom", label_value=dict.fromkeys(labels), label_names=tuple(labels))
    scores = np.zeros((len(next(iter(labels.values()))), 1), np.float32) if scores is None else scores
    if path.suffix == ".root":
        save_root(None, str(path), config, scores, labels, observers)
    else:
        save_parquet(None, str(path), scores, labels, observers)
    return path


def test_the_metrics_of_a_gaussian_response():
    found = number_metrics(mass())
    wanted = {"mass bias": 0.05, "mass resolution": 0.1 * 0.9945 / 1.05, "mass far off": 0.0027}
    for name, value in wanted.items():
        assert found[name].low < value < found[name].high or found[name].value == pytest.approx(value, rel=0.05), name
    assert 0 < found["mass resolution"].measurement.error < 0.005
    low, high = np.quantile(np.median(MASS) / MASS, [0.16, 0.84])
    assert found["mass constant"].value == pytest.approx((high - low) / 2)
    assert "mass inside" not in found


def test_the_error_is_that_of_the_number_of_jets():
    """Half the 68 % interval of N jets fluctuates by some 0.9 σ / √N for a normal distribution."""
    error = number_metrics(mass())["mass resolution"].measurement.error
    assert 0.6 < error / (0.9 * 0.1 / 1.05 / np.sqrt(JETS)) < 1.5


def test_the_fraction_inside_the_quantiles():
    low, high = np.quantile(MASS, [0.16, 0.84])
    found = number_metrics(mass(q16=np.full(JETS, low), q84=np.full(JETS, high)))
    assert found["mass inside"].value == pytest.approx(0.68, abs=0.001)


def test_numbers_of_any_sign_are_compared_by_difference():
    true = RNG.normal(0, 1, JETS)
    number = RegressedNumber("charge", true, true + 0.3, {}, 0)
    assert not number.is_relative
    found = number_metrics(number)
    assert found["charge bias"].value == pytest.approx(0.3)
    assert found["charge resolution"].value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("ending", [".parquet", ".root"])
def test_files_as_weaver_writes_them(tmp_path, ending):
    true = MASS.astype(np.float32)
    true[:5] = np.nan
    columns = {"output_mass": true + 1, "output_mass_q16": true - 5, "output_mass_q97.5": true + 9}
    columns = {name: np.nan_to_num(values).astype(np.float32) for name, values in columns.items()}
    halves = [
        write(tmp_path / f"{part}{ending}", {"flavour": np.zeros(JETS // 2), "mass": true[half]},
              {name: values[half] for name, values in columns.items()})
        for part, half in (("a", slice(JETS // 2)), ("b", slice(JETS // 2, None)))
    ]  # fmt: skip
    (number,) = read_numbers(halves, ("flavour", "mass"))
    assert (number.name, number.num_unknown, len(number.true)) == ("mass", 5, JETS - 5)
    np.testing.assert_allclose(number.predicted - number.true, 1, atol=1e-4)
    assert sorted(number.quantiles) == [0.16, 0.975]
    assert number.predicted.mean() > number.true.mean(), "the longer name is another column"


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(UserError, match=naming("none.parquet", "does not exist")):
        read_numbers([tmp_path / "none.parquet"], ("mass",))
    unknown = write(tmp_path / "a.parquet", {"mass": np.full(3, np.nan)}, {"output_mass": np.ones(3)})
    (number,) = read_numbers([unknown], ("mass",))
    assert (number_metrics(number), number.num_unknown) == ({}, 3)
    with pytest.raises(UserError, match=naming("mass", "no jet")):
        require_known([number])
    wrong = write(tmp_path / "b.parquet", {"mass": np.ones(3)}, {"output_mass": np.array([1, np.nan, 2])})
    with pytest.raises(UserError, match=naming("b.parquet", "output_mass")):
        read_numbers([wrong], ("mass",))


def test_the_commands_measure_numbers_with_and_without_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "mass.yaml"
    config.write_text("labels:\n  type: custom\n  value:\n    mass: jet_mass\n")
    first = write(tmp_path / "a.parquet", {"mass": MASS}, {"output_mass": MASS * RESPONSE})
    second = write(tmp_path / "b.parquet", {"mass": MASS}, {"output_mass": MASS})
    run_command(["evaluate", str(first), "--data-config", str(config), "-o", "a.json"])
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["jets_with_number"] == {"mass": JETS}
    assert content["metrics"]["mass bias"]["value"] == pytest.approx(0.05, abs=0.01)
    report = ["report", "--data-config", str(config), "--out", "report.md"]
    run_command([*report, "--prediction", "one", str(first), "--prediction", "two", str(second)])
    text = (tmp_path / "report.md").read_text()
    assert names(text, "## Regressed numbers", "| one |", "| two |", "mass resolution", f"same {JETS} jets")
    assert "ROC" not in text
    config.write_text("labels:\n  type: custom\n  value:\n    flavour: jet_flavour\n    mass: jet_mass\n")
    scores = RNG.dirichlet([1, 1], JETS).astype(np.float32)
    labels = {"flavour": np.arange(JETS) % 2, "mass": MASS}
    both = write(tmp_path / "c.parquet", labels, {"output_mass": MASS * RESPONSE}, scores)
    run_command(["evaluate", str(both), "--data-config", str(config), "--background", "0", "-o", "c.json"])
    content = json.loads((tmp_path / "c.json").read_text())
    assert content["jets_per_class"] == {"0": JETS // 2, "1": JETS // 2}
    assert {"accuracy", "mass resolution"} <= set(content["metrics"])
    run_command([*report, "--background", "0", "--prediction", "both", str(both)])
    assert names((tmp_path / "report.md").read_text(), "## Test results", "## Regressed numbers", "roc.png")
    quantile = {"output_mass": MASS, "output_mass_q16": 0.9 * MASS, "output_mass_q84": 1.1 * MASS}
    third = write(tmp_path / "e.parquet", {"mass": MASS}, quantile)
    config.write_text("labels:\n  type: custom\n  value:\n    mass: jet_mass\n")
    run_command([*report, "--prediction", "one", str(first), "--prediction", "quantiles", str(third)])
    rows = [line.split("|") for line in (tmp_path / "report.md").read_text().splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {8}
    assert [row[-2].strip() for row in rows] == ["mass inside", "---:", "–", "1 ± 0"]
    other = write(tmp_path / "d.parquet", {"mass": MASS[:10]}, {"output_mass": MASS[:10]})
    config.write_text("labels:\n  type: custom\n  value:\n    mass: jet_mass\n")
    with pytest.raises(UserError, match=naming("two", "same files")):
        run_command([*report, "--prediction", "one", str(first), "--prediction", "two", str(other)])
