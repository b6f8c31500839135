"""Kept results: what was done counts as done elsewhere, unless it came of other settings."""

import json
from pathlib import Path

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies.cell_results import read_results
from hepjepa_weaver.studies.cells import Cell, PretrainingRun, cells, degraded_cells
from hepjepa_weaver.studies.kept import keep, unpack
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.option_origin import planned_notes
from hepjepa_weaver.studies.pretraining_tables import history_of
from hepjepa_weaver.studies.read_plan import read_plan
from hepjepa_weaver.studies.recipe_choice import chosen
from hepjepa_weaver.studies.wall_times import training_times
from tests.helpers.messages import naming

RUN = PretrainingRun("hepjepa", 0)
TIME = "s\th:m:s\n12.5\t0:00:12\n"


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def finish(plan):
    """What the workflow leaves of a study, as far as it is kept."""
    layout = Layout(plan)
    values = [(layout.metrics(cell), 0.1 * cell.seed + 1 / 3) for cell in cells(plan)]
    values += [(layout.metrics(cell, name), 0.25) for cell, name in degraded_cells(plan)]
    for path, value in values:
        metrics = {"accuracy": {"value": value, "low": value - 0.01, "high": value + 0.01}}
        written(path, json.dumps({"metrics": metrics, "jets_per_class": {"QCD": 10}}))
    for cell in cells(plan):
        recipe = plan.methods[cell.network.partition(".")[0]].tried[1]
        written(layout.choice(cell), f"{recipe.name}\t0.5\tchosen\n")
        written(layout.trained(cell, recipe) / "time.tsv", TIME)
    prefix = layout.pretrained(RUN)
    written(prefix.with_name("done.txt"), "done")
    written(prefix.with_name("time.tsv"), TIME)
    written(layout.history(RUN), json.dumps({"epoch": 0, "validation": {"loss": 0.5}}) + "\n")


@pytest.fixture
def kept(content, write_plan, at_the_top):
    """The plan, and its content, with results that are kept and nothing else."""
    content["kept"] = "results"
    plan = read_plan(write_plan(content))
    finish(plan)
    before = read_results(plan), training_times(plan)
    assert len(keep(plan)) == 3
    for path in sorted(Path(plan.output).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return plan, before


def test_results_come_back_where_the_runs_are_gone(kept):
    plan, (results, times) = kept
    assert unpack(plan) == []
    layout = Layout(plan)
    assert all(layout.is_kept(layout.metrics(cell)) for cell in cells(plan))
    assert training_times(plan) == times
    for jets, of_cells in read_results(plan).items():
        for cell, result in of_cells.items():
            known = results[jets][cell].metrics["accuracy"]
            assert result.metrics["accuracy"].value == pytest.approx(known.value, rel=1e-5)
            assert result.jets_per_class == {"QCD": 10}
    assert chosen(plan, next(cells(plan))).name == "0.01"
    assert history_of(plan, RUN)[0].validation == {"loss": 0.5}


def test_results_of_a_run_here_come_first(kept):
    plan, _ = kept
    unpack(plan)
    cell = next(cells(plan))
    written(Layout(plan).metrics(cell), "{}")
    assert not Layout(plan).is_kept(Layout(plan).metrics(cell))


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ("methods/part/weaver", {"toy.part"}),
        ("methods/part/title", set()),
        ("pretrainings/hepjepa/jets_seen", {"pretrained.hepjepa", "toy.finetuned"}),
        ("tasks/toy/train", {"toy.part", "toy.finetuned"}),
        ("tasks/toy/labels", set()),
        ("training/epochs", {"toy.part", "toy.finetuned"}),
    ],
)
def test_results_of_other_settings_are_left_out_and_told(kept, content, write_plan, change, stale):
    other = {"weaver": "--lr-scheduler none", "title": "other", "jets_seen": 640, "train": "val", "labels": [5],
             "epochs": 2}  # fmt: skip
    *path, name = change.split("/")
    place = content
    for step in path:
        place = place[step]
    place[name] = other[name]
    plan = read_plan(write_plan(content))
    told = unpack(plan)
    assert {Path(line.split()[0]).stem for line in told} == stale
    layout = Layout(plan)
    assert layout.is_kept(layout.history(RUN)) == ("pretrained.hepjepa" not in stale)
    for cell in cells(plan):
        assert layout.is_kept(layout.metrics(cell)) == (f"toy.{cell.network}" not in stale)


@pytest.mark.parametrize(
    ("note", "stale"),
    [
        ("pretrained/hepjepa/options.txt", {"pretrained.hepjepa", "toy.finetuned"}),
        ("trained/toy/part/2/rate0.0001/seed0/options.txt", {"toy.part"}),
    ],
)
def test_results_of_other_defaults_are_left_out_and_told(content, write_plan, at_the_top, note, stale):
    """As after an update of the package that changes a default; the words of the plan are the same."""
    content["kept"] = "results"
    plan = read_plan(write_plan(content))
    finish(plan)
    path = next(path for path in planned_notes(plan) if str(path).endswith(note))
    options = planned_notes(plan)[path][0]
    for text, left_out in ((options, set()), (options.replace("num_layers 3", "num_layers 4"), stale)):
        written(path, text + "\n")
        keep(plan)
        assert {Path(line.split()[0]).stem for line in unpack(plan)} == left_out


def test_what_was_kept_before_stays(kept):
    plan, _ = kept
    unpack(plan)
    cell = Cell("toy", "part", "5", 0)
    metrics = {"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}}
    written(Layout(plan).metrics(cell), json.dumps({"metrics": metrics, "jets_per_class": {"QCD": 10}}))
    keep(plan)
    Layout(plan).metrics(cell).unlink()
    unpack(plan)
    values = {of.seed: result.metrics["accuracy"].value for of, result in read_results(plan)["intact"].items()
              if (of.network, of.labels) == ("part", "5")}  # fmt: skip
    assert values == {0: 0.9, 1: pytest.approx(0.1 + 1 / 3, rel=1e-5)}


def test_mistakes_are_told(kept, content, write_plan):
    plan, _ = kept
    Path("results/toy.part.json").write_text("{")
    with pytest.raises(UserError, match=naming("toy.part.json")):
        unpack(plan)
    Path("results/toy.part.json").rename("results/toy.gone.json")
    Path("results/toy.gone.json").write_text('{"of": "a", "files": {}}')
    assert [line.split()[0] for line in unpack(plan)] == ["results/toy.gone.json"]
    del content["kept"]
    with pytest.raises(UserError, match=naming("kept")):
        keep(read_plan(write_plan(content)))
