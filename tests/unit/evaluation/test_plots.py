import sys

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation import canvas, plots
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.training_curves import Curve
from tests.helpers.messages import naming
from tests.helpers.toy_predictions import CLASSES, toy_predictions


def curve(*values: float) -> Curve:
    return Curve(np.arange(len(values)), np.array(values))


def is_png(path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000


def test_roc_has_a_panel_per_signal_and_a_line_per_network(tmp_path):
    networks = {"pre-trained": toy_predictions(seed=0), "from scratch": toy_predictions(seed=1)}
    figure = plots.plot_roc(networks, tmp_path / "sub" / "roc.png")
    assert is_png(tmp_path / "sub" / "roc.png")
    assert [panel.get_title() for panel in figure.axes] == ["Hbb against QCD", "Tbl against QCD"]
    for panel in figure.axes:
        assert [line.get_label() for line in panel.lines] == ["pre-trained", "from scratch"]
        assert panel.get_yscale() == "log"
        assert panel.get_xlabel() == "signal efficiency"
        assert "QCD efficiency" in panel.get_ylabel()
        assert (panel.lines[0].get_ydata() > 0).all()


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize("names", [("a", "b"), ("HEP-JEPA, fine-tuned", "HEP-JEPA", "ParticleNet-Lite from scratch")])
def test_no_legend_is_wider_than_its_figure(tmp_path, n_columns, names):
    figure, axes = canvas.panels(n_columns, n_columns)
    for name in names:
        axes[0].plot([0, 1], [0, 1], label=name)
    canvas.legend_below(figure, axes[0])
    canvas.save(figure, tmp_path / "lines.png")
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_roc_of_a_perfect_tagger(tmp_path):
    labels = np.arange(30) % 3
    plots.plot_roc({"perfect": Predictions(np.eye(3)[labels], labels, CLASSES)}, tmp_path / "roc.png")
    assert is_png(tmp_path / "roc.png")


def test_pretraining_panels(tmp_path):
    curves = {
        "Loss/total/train": curve(*range(100)),
        "Loss/total/train (epoch)": curve(1.0, 0.5),
        "Loss/token/eval (epoch)": curve(1.0, 0.5),
        "Pretrain/effective_rank/eval (epoch)": curve(3.0, 9.0),
        "Pretrain/probe_accuracy/eval (epoch)": curve(0.2, 0.4),
        "GradNorm/train": curve(1.0),
    }
    figure = plots.plot_pretraining({"HEP-JEPA": curves}, tmp_path / "pretraining.png")
    assert is_png(tmp_path / "pretraining.png")
    assert {p.get_title(): [line.get_label() for line in p.lines] for p in figure.axes} == {
        "Probe accuracy": ["Pretrain/probe_accuracy/eval"],
        "Effective rank": ["Pretrain/effective_rank/eval"],
        "Pre-training loss": ["Loss/total/train", "Loss/token/eval"],
    }
    assert {panel.get_xlabel() for panel in figure.axes} == {"epoch"}


def test_scalars_by_step_are_drawn_where_there_are_none_by_epoch(tmp_path):
    runs = {"a": {"Loss/total/train": curve(2.0, 1.0)}, "b": {"Loss/total/train": curve(3.0, 1.0)}}
    figure = plots.plot_pretraining(runs, tmp_path / "pretraining.png")
    (panel,) = figure.axes
    assert panel.get_xlabel() == "optimiser step"
    assert [line.get_label() for line in panel.lines] == ["a: Loss/total/train", "b: Loss/total/train"]


def test_finetuning_leaves_out_missing_tags(tmp_path):
    runs = {
        "HEP-JEPA": {"Loss/train (epoch)": curve(2.0, 1.0), "Acc/eval (epoch)": curve(0.4, 0.5)},
        "ParT": {"Loss/train (epoch)": curve(2.0, 1.5)},
    }
    figure = plots.plot_finetuning(runs, tmp_path / "finetuning.png")
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["HEP-JEPA", "ParT"]
    assert [line.get_label() for line in accuracy.lines] == ["HEP-JEPA"]


@pytest.mark.parametrize("plot", [plots.plot_pretraining, plots.plot_finetuning])
def test_no_scalar_to_draw(tmp_path, plot):
    with pytest.raises(UserError, match=naming("curves.png", "scalars")):
        plot({"run": {"GradNorm/train": curve(1.0)}}, tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []


def test_many_lines_are_told_apart():
    styles = [canvas.line(index) for index in range(40)]
    assert len({(style["color"], style["linestyle"]) for style in styles}) == 40


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # an import of it raises ImportError
    with pytest.raises(UserError, match=naming("hepjepa-weaver[plots]")):
        plots.plot_roc({"a": toy_predictions()}, tmp_path / "roc.png")


def test_no_pyplot_state_is_left(tmp_path):
    plots.plot_roc({"a": toy_predictions()}, tmp_path / "roc.png")
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
