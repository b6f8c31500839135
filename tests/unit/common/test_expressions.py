"""Expressions that people type."""

import numpy as np
import pytest

from hepjepa_weaver.common.expressions import evaluated

COLUMNS = {"pt": np.array([1.0, 4.0, 9.0]), "eta": np.array([-3.0, 0.5, 2.0]), "flag": np.array([True, False, True])}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("pt > 3", [False, True, True]),
        ("(pt >= 4) & (np.abs(eta) < 2)", [False, True, False]),
        ("(pt < 2) | ~flag", [True, True, False]),
        ("np.sqrt(pt) + 2 * pt**2 - 1 == 2", [True, False, False]),
        ("np.isin(pt, [1, 9])", [True, False, True]),
        ("-eta != 3", [False, True, True]),
    ],
)
def test_what_is_known_has_numpys_value(expression, expected):
    assert evaluated(expression, COLUMNS).tolist() == expected


@pytest.mark.parametrize(
    "expression",
    [
        "pt >", "mass > 1", "open('x')", "__import__('os')", "pt.tolist()", "np.load('x')", "1 < pt < 2",
        "[p for p in pt]", "np.abs(x=pt)", "'a' == 'a'", "lambda: 1", "np.linalg.norm(pt)",
    ],
)  # fmt: skip
def test_nothing_else_is(expression):
    with pytest.raises(ValueError, match=r"is not known here|no expression"):
        evaluated(expression, COLUMNS)
