"""Errors of reconstructed jets against values by hand."""

from dataclasses import replace

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.observables import DETA, MASS, PARTICLE_PT, PT, observe
from hepjepa_weaver.fidelity.residuals import ALL, RESIDUALS, check_aligned, measure_errors, residuals
from tests.helpers.messages import naming
from tests.helpers.toy_particles import jets_of, toy_jets

pytest.importorskip("fastjet", reason="observables need the extra 'jets'")
NAMES = ("QCD", "Hbb")


def test_identical_jets_have_no_errors():
    jets = observe(toy_jets(30, label_names=NAMES))
    found = measure_errors(jets, jets)
    assert list(found) == [ALL, *NAMES]
    for of_class in found.values():
        assert list(of_class) == list(RESIDUALS)
        for errors in of_class.values():
            assert errors.mean_absolute.value == errors.mean.value == errors.spread.value == 0
    assert found["Hbb"][PT].number == 15


def test_known_errors():
    original, reconstructed = jets_of([(10, 0, 0)], [(20, 0, 0)]), jets_of([(13, 0, 0)], [(19, 0, 0)])
    found = measure_errors(observe(original), observe(reconstructed))[ALL]
    for name in (PT, PARTICLE_PT):
        assert found[name].mean_absolute.value == pytest.approx(2)
        assert found[name].mean.value == pytest.approx(1)
        assert found[name].spread.value == pytest.approx(2)
        assert found[name].number == 2


def test_errors_have_the_errors_of_the_mean():
    original = toy_jets(2000, seed=1)
    noise = np.random.default_rng(0).normal(0, 0.1, len(original.pt))
    worse = replace(original, deta=original.deta + noise + 0.05)
    found = measure_errors(observe(original), observe(worse), replicas=300)[ALL][DETA]
    number = len(noise)
    assert found.mean.value == pytest.approx(0.05, abs=4 * found.mean.error)
    assert found.mean.error == pytest.approx(0.1 / np.sqrt(number), rel=0.15)
    assert found.spread.value == pytest.approx(0.1, rel=0.03)
    assert found.spread.error == pytest.approx(0.1 / np.sqrt(2 * number), rel=0.2)


def test_undefined_jets_are_left_out():
    three, two = [(10.0, 0.0, 0.0), (20.0, 0.1, 0.1), (5.0, -0.1, 0.2)], [(10.0, 0.0, 0.0), (20.0, 0.1, 0.1)]
    jets = observe(jets_of(three, two))
    found = residuals(jets, jets)
    assert len(found[MASS].values) == 2
    assert found["τ21"].owner.tolist() == [0]
    only_two = measure_errors(observe(jets_of(two)), observe(jets_of(two)))[ALL]["τ21"]
    assert only_two.number == 0
    assert only_two.mean.value is None


def test_other_jets_are_refused():
    jets = toy_jets(10, label_names=NAMES)
    with pytest.raises(UserError, match=naming(9, 10)):
        check_aligned(jets, jets[np.arange(9)])
    with pytest.raises(UserError, match=naming("numbers of particles")):
        check_aligned(jets, replace(jets, counts=jets.counts[::-1]))
    with pytest.raises(UserError, match=naming("10 reconstructed jets", "labels")):
        check_aligned(jets, replace(jets, label=1 - jets.label))
