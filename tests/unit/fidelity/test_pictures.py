"""Pictures show every observable of every sample."""

import numpy as np
import pytest

from hepjepa_weaver.fidelity.observables import MULTIPLICITY, OBSERVABLES, PARTICLE_PT, PT, observe
from hepjepa_weaver.fidelity.pictures import draw_all_errors, draw_errors, draw_observables, edges_of
from hepjepa_weaver.fidelity.residuals import RESIDUALS, residuals
from tests.helpers.toy_particles import jets_of, toy_jets

colors = pytest.importorskip("matplotlib.colors", reason="pictures need the extra 'plots'")
pytest.importorskip("fastjet", reason="observables need the extra 'jets'")


def is_png(path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000


def test_every_observable_has_a_panel_and_a_ratio(tmp_path):
    samples = {name: observe(toy_jets(100, seed)) for seed, name in enumerate(("generated", "original", "floor"))}
    figure = draw_observables(samples, "original", tmp_path / "sub" / "page.png")
    assert is_png(tmp_path / "sub" / "page.png")
    assert len(figure.axes) == 2 * len(OBSERVABLES)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["original", "generated", "floor"]
    assert figure.axes[1].get_xlabel() == "jet pT (GeV)"
    assert figure.axes[1].get_ylim() == (0.55, 1.45)


def test_the_ratio_is_that_of_the_fractions(tmp_path):
    jets = toy_jets(100)
    half = jets[np.arange(50)]
    twice = jets[np.repeat(np.arange(50), 2)]
    figure = draw_observables({"generated": observe(twice), "original": observe(half)}, "original", tmp_path / "a.png")
    for below in figure.axes[1::2]:
        for points in below.containers:
            np.testing.assert_allclose(points[0].get_ydata(), 1)


def test_errors_have_their_panels(tmp_path):
    jets, others = observe(toy_jets(60)), observe(toy_jets(60, width=0.12))
    figure = draw_errors(residuals(jets, others), tmp_path / "errors.png")
    assert is_png(tmp_path / "errors.png")
    assert [panel.get_xlabel().split(" (")[0] for panel in figure.axes] == [f"error of {name}" for name in RESIDUALS]


def test_ranges_follow_jets_of_another_kind():
    assert edges_of(PT, np.full(10, 600.0))[[0, -1]].tolist() == [450, 1050]
    assert edges_of(PT, np.linspace(20, 60, 100))[0] == 20
    assert edges_of(PT, np.full(10, 20.0))[[0, -1]].tolist() == [20, 21]
    assert (np.diff(np.log(edges_of(PARTICLE_PT, np.ones(5)))) > 0).all()
    assert (edges_of(MULTIPLICITY, np.full(5, 30.0)) % 1 == 0.5).all()


def test_jets_without_any_value_are_drawn_all_the_same(tmp_path):
    samples = {"generated": observe(jets_of([(1, 0, 0)])), "original": observe(jets_of([(1, 0, 0)], []))}
    draw_observables(samples, "original", tmp_path / "few.png")
    assert is_png(tmp_path / "few.png")


def test_errors_of_several_reconstructions_share_their_panels(tmp_path):
    jets = observe(toy_jets(60))
    samples = {name: residuals(jets, observe(toy_jets(60, width=width))) for name, width in (("a", 0.12), ("b", 0.2))}
    figure = draw_all_errors(samples, tmp_path / "errors.png")
    assert len(figure.axes) == len(RESIDUALS)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    assert [patch.get_edgecolor()[:3] for patch in figure.axes[0].patches] == [colors.to_rgb("C1"), colors.to_rgb("C2")]
