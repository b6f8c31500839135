"""Codes are points without context, and regions with it."""

import numpy as np
import pytest

from hepjepa_weaver.generation.token_coverage import measure_coverage
from hepjepa_weaver.generation.token_pictures import draw_coverage
from tests.helpers.toy_tokenizers import small_tokenizer

CODES = np.random.default_rng(0).integers(0, 30, 1000)


@pytest.mark.parametrize("encoding", ["unconditional", "binned"])
def test_codes_without_context_are_points(encoding):
    coverage = measure_coverage(small_tokenizer(encoding), CODES, 10, 20)
    assert coverage.values.shape == (10, 20, 3)
    assert (coverage.spread == 0).all()
    assert set(coverage.median_spread.values()) == {0.0}


@pytest.mark.parametrize("encoding", ["conditional", "causal"])
def test_codes_with_context_are_regions(encoding):
    coverage = measure_coverage(small_tokenizer(encoding), CODES, 10, 20)
    assert (coverage.spread > 1e-5).all()
    assert coverage.median_spread["Δη"] == pytest.approx(np.median(coverage.values[..., 1].std(axis=1)))


def test_codes_in_use_are_probed_and_draws_repeat():
    tokenizer = small_tokenizer("conditional")
    assert measure_coverage(tokenizer, CODES, 100, 2).codes.tolist() == list(range(30))
    first, again, other = (measure_coverage(tokenizer, CODES, 5, 4, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.values, again.values)
    assert len(set(first.codes)) == 5
    assert not np.array_equal(first.codes, other.codes)


def test_each_tokenizer_has_its_row(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plots'")
    coverages = {name: measure_coverage(small_tokenizer(name), CODES, 5, 4) for name in ("conditional", "binned")}
    figure = draw_coverage(coverages, tmp_path / "coverage.png")
    assert len(figure.axes) == 6
    assert [panel.get_title() for panel in figure.axes[::3]] == ["conditional", "binned"]
