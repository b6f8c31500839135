from dataclasses import replace

import pytest
from speed.growth import Growth, case_at, fit_exponent, measure_growth
from speed.tables import growth_table


@pytest.mark.parametrize("exponent", [-1, 0, 0.5, 2])
def test_the_fit_recovers_the_exponent(exponent):
    x = (16, 32, 64, 128)
    assert fit_exponent(x, [3e-4 * value**exponent for value in x]) == pytest.approx(exponent, abs=1e-9)


def test_local_exponents_show_where_growth_sets_in():
    growth = Growth("net", "particles", (16, 32, 64), (1.0, 2.0, 8.0))
    assert growth.local_exponents == pytest.approx([1, 2])
    assert growth.exponent == pytest.approx(1.5)
    assert growth_table([growth]).splitlines()[2] == "| net | 1000 | 2000 | 8000 | 1.50 | 1.00, 2.00 |"


def test_one_thing_changes_along_an_axis(case):
    assert case_at(case, "particles", 32) == replace(case, particles=32)
    assert case_at(case, "batch size", 32) == replace(case, batch_size=32)
    wider = case_at(case, "width", 64).size
    assert wider.options == {**case.size.options, "embed_dims": (64, 256, 64)}
    assert wider.pretraining == case.size.pretraining


def test_growth_is_measured_for_each_contender(case, setup):
    growths = measure_growth(["inference", "stock"], case, "particles", (4, 8), setup)
    assert [growth.name for growth in growths] == ["encoder inference", "ParT (weaver)"]
    for growth in growths:
        assert growth.values == (4, 8)
        assert min(growth.seconds) > 0
