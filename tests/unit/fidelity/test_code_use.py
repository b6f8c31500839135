"""Codes in use and their perplexity."""

import numpy as np
import pytest

from hepjepa_weaver.fidelity.code_use import measure_use


def test_evenly_used_codes_have_their_number_as_perplexity():
    use = measure_use(np.tile(np.arange(10), 7), 40)
    assert (use.number, use.used, use.fraction) == (40, 10, 0.25)
    assert use.perplexity == pytest.approx(10)


def test_one_code_for_everything_has_perplexity_1():
    use = measure_use(np.full(5, 3), 8)
    assert (use.used, use.perplexity) == (1, 1)


def test_uneven_use_lies_between():
    use = measure_use(np.repeat([0, 1], [9, 1]), 2)
    assert use.perplexity == pytest.approx(0.9**-0.9 * 0.1**-0.1)
