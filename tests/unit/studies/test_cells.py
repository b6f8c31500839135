from hepjepa_weaver.studies import cells
from hepjepa_weaver.studies.cells import Cell, PretrainingRun, Start
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.read_plan import read_plan


def test_every_cell_comes_once(plan):
    found = list(cells.cells(plan))
    assert len(found) == len(set(found)) == 2 * 3 * 2
    assert found[0] == Cell("toy", "finetuned", "2", 0)
    assert {cell.labels for cell in found} == {"2", "5", "all"}


def test_those_of_most_labels_are_tested_on_degraded_jets(plan):
    assert [(cell.network, cell.labels, cell.seed, name) for cell, name in cells.degraded_cells(plan)] == [
        (method, "all", seed, "dropped") for method in ("finetuned", "part") for seed in (0, 1)
    ]


def test_a_network_for_every_setting_and_seed_and_point_of_growth(plan_of_settings):
    found = cells.networks(plan_of_settings, "toy")
    assert list(found) == [
        "finetuned.reference.seed0",
        "finetuned.reference.seed1",
        "finetuned.reference.after1.seed0",
        "finetuned.reference.after1.seed1",
        "finetuned.mpm",
        "part",
    ]
    assert found["finetuned.reference.after1.seed1"].start == Start(PretrainingRun("reference", 1), 1)
    assert found["finetuned.mpm"].title == "HEP-JEPA, fine-tuned: MPM"
    assert found["part"].start is None


def test_growth_has_the_fewest_labels_alone(plan_of_settings):
    early = {cell.labels for cell in cells.cells(plan_of_settings) if ".after1." in cell.network}
    assert early == {"2"}
    assert not any(".after1." in cell.network for cell, _ in cells.degraded_cells(plan_of_settings))


def test_seeds_of_a_pretraining_are_one_group(plan_of_settings):
    members = {group: len(found) for group, found in cells.groups(plan_of_settings, "toy").items()}
    assert members == {"finetuned.reference": 2, "finetuned.mpm": 1, "part": 1}
    assert len(cells.cells_of(plan_of_settings, "toy", "finetuned.reference", "2")) == 2 * 2


def test_the_first_seed_of_all_chooses(plan_of_settings):
    cell = Cell("toy", "finetuned.reference.seed1", "5", 1)
    assert cells.trial_cells(plan_of_settings, cell) == [Cell("toy", "finetuned.reference.seed0", "5", 0)]
    choice = Layout(plan_of_settings).choice(cell)
    assert str(choice) == "runs/toy/rates/toy/finetuned.reference/5_seed0.txt"


def test_all_seeds_choose_where_the_plan_says_so(settings, write_plan, at_the_top):
    settings["training"]["try_with"] = "all_seeds"
    plan = read_plan(write_plan(settings))
    trials = cells.trial_cells(plan, Cell("toy", "finetuned.reference.seed1", "5", 1))
    assert {(trial.network, trial.seed) for trial in trials} == {
        (f"finetuned.reference.seed{pretrained}", seed) for pretrained in (0, 1) for seed in (0, 1)
    }


def test_every_view_of_every_checkpoint_is_probed(plan_of_settings):
    found = [(*start.run, start.epochs, view) for start, view in cells.probed(plan_of_settings)]
    views = ("target_mean", "context_mean")
    reference = [("reference", seed, epochs, view) for seed in (0, 1) for epochs in (1, 2) for view in views]
    assert found == [*reference, ("mpm", 0, 2, "context_mean")]


def test_files_of_a_plan_with_one_setting_are_where_they_were(plan):
    """Studies of earlier versions stay readable."""
    layout, cell = Layout(plan), Cell("toy", "finetuned", "5", 1)
    recipe = plan.methods["finetuned"].recipe("0.001")
    assert str(layout.checkpoint(Start(PretrainingRun("hepjepa", 0), 2))) == (
        "runs/toy/pretrained/hepjepa/net_epoch-1_state.pt"
    )
    assert str(layout.prediction(cell, recipe)) == "runs/toy/trained/toy/finetuned/5/rate0.001/seed1/test.parquet"
    assert str(layout.metrics(cell)) == "runs/toy/metrics/toy/finetuned/5/intact/seed1.json"
    assert str(layout.choice(cell)) == "runs/toy/rates/toy/finetuned/5_seed0.txt"
