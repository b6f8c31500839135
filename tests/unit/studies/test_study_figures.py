import numpy as np
import pytest

from hepjepa_weaver.evaluation.bootstrap import Interval
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.studies.cell_results import CellResult
from hepjepa_weaver.studies.cells import cells
from hepjepa_weaver.studies.planned_training import Training
from hepjepa_weaver.studies.study_figures import CURVES, plot_confusion, plot_label_efficiency
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_method import Method
from hepjepa_weaver.studies.tagging_task import Task

METHODS = {name: Method(name, "part", (0.001,)) for name in ("one", "two", "three")}


def plan_with(labels):
    task = Task("toys", "toy.yaml", "QCD", "train", labels)
    return StudyPlan("runs", "quick", Training({50: 1}, {50: 1}, 1), {}, {"toy": task}, METHODS)


def results_of(plan):
    """Means of 0.1, 0.2, 0.3 by method, and a spread of 0.01 over the seeds 0, 1, 2."""
    means = dict(zip(METHODS, (0.1, 0.2, 0.3), strict=True))
    results = {}
    for cell in cells(plan):
        value = means[cell.network] + 0.01 * (cell.seed - 1)
        results[cell] = CellResult({name: Interval(value, 0.0, 1.0) for name in CURVES}, {"QCD": 10})
    return results


def test_a_single_number_of_labels_has_error_bars_side_by_side(tmp_path):
    plan = plan_with((50,))
    figure = plot_label_efficiency(plan, results_of(plan), "toy", list(METHODS), 0, tmp_path / "labels.png")
    for panel in figure.axes:
        assert len(panel.containers) == 3
        for index, (point, _, (bar,)) in enumerate(panel.containers):
            assert point.get_xdata() == [index]
            ((_, low), (_, high)) = bar.get_segments()[0]
            assert (low, high) == pytest.approx((0.1 * (index + 1) - 0.01, 0.1 * (index + 1) + 0.01))


def test_several_numbers_have_lines_with_bands_of_the_networks_shown(tmp_path):
    plan = plan_with((50, 200))
    figure = plot_label_efficiency(plan, results_of(plan), "toy", ["one", "three"], 0, tmp_path / "labels.png")
    for panel in figure.axes:
        assert [list(line.get_xdata()) for line in panel.lines] == [[50, 200]] * 2
        assert np.allclose([line.get_ydata() for line in panel.lines], np.array([[0.1], [0.3]]))
        assert len(panel.collections) == 2


def test_the_title_of_a_confusion_matrix_of_two_classes_fits(tmp_path):
    predictions = Predictions(np.eye(2), np.array([0, 1]), ("Top", "QCD"))
    figure = plot_confusion(predictions, "the same network from scratch", tmp_path / "confusion.png")
    figure.draw_without_rendering()
    title, whole = figure._suptitle.get_window_extent(), figure.bbox
    assert title.x0 >= whole.x0
    assert title.x1 <= whole.x1
