"""Labels from generator particles, on records that are written down by hand."""

from dataclasses import replace

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.generator_labels import CLASSES, FLAVOURS, labels_of, required_radius
from hepjepa_weaver.conversion.generator_particles import GeneratorParticles
from hepjepa_weaver.conversion.matching import pairs
from hepjepa_weaver.conversion.momenta import Axis
from hepjepa_weaver.conversion.request import Request
from tests.helpers.messages import naming

NEAR, FAR = (0.3, 0.2), (1.5, 0.0)
"""Δη and Δφ to the jet."""
AXIS = (0.5, 3.1)


def record(*particles, event=0):
    """Particles as (PDG code, mother, place relative to the jet); statuses as Pythia 8 has them."""
    code, mother, places = zip(*particles, strict=True)
    code = np.array(code)
    eta, phi = (np.array(values) + centre for values, centre in zip(np.transpose(places), AXIS, strict=True))
    status = np.where(np.isin(np.abs(code), (6, 23, 24, 25)), 22, 23)
    pt = 100.0 + np.arange(len(code))
    return GeneratorParticles(np.full(len(code), event), code, status, np.array(mother), pt, eta, phi)


def found(particles, jets=1, radius=0.8):
    axis = Axis(*(np.full(jets, value) for value in (500.0, AXIS[0], AXIS[1] - 2 * np.pi, 600.0)))
    columns = labels_of(axis, np.zeros(jets, np.int64), particles, radius)
    assert set(columns) == {*CLASSES, *FLAVOURS}
    return {name.removeprefix("label_") for name, values in columns.items() if values[0]}


def higgs(*products, copies=2):
    """A Higgs boson that the record has several times."""
    chain = [(25, place - 1, FAR) for place in range(copies)]
    return record(*chain, *((code, copies - 1, place) for code, place in products))


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize(
    ("products", "labels"),
    [
        (((5, NEAR), (-5, NEAR)), {"Hbb", "b"}),
        (((4, NEAR), (-4, NEAR)), {"Hcc", "c"}),
        (((21, NEAR), (21, NEAR)), {"Hgg", "gluon"}),
        (((15, NEAR), (-15, NEAR)), {"tau"}),
        (((1, NEAR), (-1, NEAR)), {"light"}),
        (((5, NEAR), (-5, FAR)), {"b"}),
        (((5, FAR), (-5, FAR)), set()),
    ],
)
def test_decays_of_a_higgs_boson(products, labels, copies):
    assert found(higgs(*products, copies=copies)) == labels


def top(*w_products, b=NEAR, radiated=()):
    before = ((6, -1, FAR), (6, 0, FAR), (5, 1, b), (24, 1, FAR), (24, 3, FAR))
    return record(*before, *((code, 4, place) for code, place in w_products), *((21, 0, place) for place in radiated))


def test_decays_of_a_top_quark():
    quarks = ((2, NEAR), (-1, NEAR))
    assert found(top(*quarks)) == {"Tbqq", "b"}
    assert found(top(*quarks, radiated=[FAR])) == {"Tbqq", "b"}, "a gluon of before the decay"
    assert found(top(*quarks, b=FAR)) == {"Wqq", "light"}, "the W alone is inside"
    assert found(top((2, NEAR), (-1, FAR))) == {"b"}
    assert found(top((-13, NEAR), (14, FAR))) == {"Tbl", "b"}, "neutrinos may go anywhere"
    assert found(top((-13, FAR), (14, NEAR))) == {"b"}
    assert found(top((-15, NEAR), (16, NEAR))) == {"b"}, "JetClass has electrons and muons"


def ww(first, second):
    return record((25, -1, FAR), (24, 0, FAR), (-24, 0, FAR), *((code, 1, place) for code, place in first),
                  *((code, 2, place) for code, place in second))  # fmt: skip


def test_decays_of_a_higgs_boson_by_two_others():
    quarks, leptons = ((2, NEAR), (-1, NEAR)), ((11, NEAR), (-12, FAR))
    assert found(ww(quarks, quarks)) == {"H4q", "light"}
    assert found(ww(quarks, leptons)) == {"Hqql", "light"}
    assert found(ww(leptons, leptons)) == set()
    assert found(ww(quarks, ((2, FAR), (-1, NEAR)))) == {"Wqq", "light"}


def test_bosons_by_themselves():
    assert found(record((23, -1, FAR), (5, 0, NEAR), (-5, 0, NEAR))) == {"Zqq", "b"}
    assert found(record((24, -1, FAR), (4, 0, NEAR), (-3, 0, NEAR))) == {"Wqq", "c"}


def test_partons_without_a_resonance_are_qcd():
    assert found(record((21, -1, NEAR), (2, -1, FAR))) == {"QCD", "gluon"}
    assert found(record((2, -1, NEAR), (21, -1, NEAR))) == {"QCD", "gluon"}, "the harder one"
    assert found(record((21, -1, NEAR), (5, -1, NEAR), (4, -1, NEAR))) == {"QCD", "b"}
    assert found(record((11, -1, NEAR))) == set()
    recoil = record((23, -1, FAR), (1, 0, FAR), (-1, 0, FAR), (21, -1, NEAR))
    assert found(recoil) == {"QCD", "gluon"}
    assert found(record((23, -1, FAR), (1, 0, NEAR), (-1, 0, FAR), (21, -1, NEAR))) == {"gluon"}, "a part of a Z"


@pytest.mark.parametrize("copies", [1, 3])
def test_a_tau_counts_whatever_its_status(copies):
    """Pythia gives 2 to a τ that does not radiate, and 51 or 52 to later copies of one that does."""
    chain = [(15, place, NEAR) for place in range(copies)]
    particles = record((25, -1, FAR), *chain, (-15, 0, NEAR), (16, copies, NEAR))
    assert found(replace(particles, status=np.array([22, *[2] * (copies + 2)]))) == {"tau"}
    of_hadron = record((521, -1, NEAR), (15, 0, NEAR))
    assert found(replace(of_hadron, status=np.array([2, 2]))) == set()


@pytest.mark.parametrize("resonance", [32, 36, 39, 9000001])
def test_decays_of_other_resonances_are_no_qcd(resonance):
    assert found(record((resonance, -1, FAR), (5, 0, NEAR), (-5, 0, NEAR))) == {"b"}
    assert found(record((resonance, -1, FAR), (1, 0, NEAR), (-1, 0, FAR), (21, -1, NEAR))) == {"gluon"}
    assert found(record((resonance, -1, FAR), (11, 0, NEAR), (-11, 0, FAR), (21, -1, NEAR))) == {"gluon"}
    cascade = record((25, -1, FAR), (resonance, 0, FAR), (resonance, 0, FAR), (5, 1, NEAR), (-5, 1, NEAR))
    assert found(cascade) == {"b"}


def test_a_tau_is_no_qcd():
    assert found(record((15, -1, NEAR))) == {"tau"}


def test_quarks_that_a_top_quark_radiates_are_none_of_its_decay():
    """NanoAOD leaves out the gluon between them."""
    particles = record((6, -1, FAR), (6, 0, FAR), (5, 1, NEAR), (24, 1, FAR), (2, 3, NEAR), (-1, 3, NEAR), (3, 0, FAR))
    status = np.array([22, 62, 23, 22, 23, 23, 71])
    assert found(replace(particles, status=status)) == {"Tbqq", "b"}


def test_partons_of_the_shower_do_not_count():
    particles = record((21, -1, NEAR), (5, 0, NEAR))
    assert found(replace(particles, status=np.array([23, 51]))) == {"QCD", "gluon"}


def test_the_radius_counts():
    narrow = higgs((5, (0.35, 0.0)), (-5, (0.0, 0.35)))
    assert found(narrow, radius=0.4) == {"Hbb", "b"}
    assert found(higgs((5, (0.45, 0.0)), (-5, (0.0, 0.35))), radius=0.4) == {"b"}


def test_events_do_not_mix():
    one, other = higgs((5, NEAR), (-5, NEAR)), higgs((4, NEAR), (-4, NEAR))
    size = len(one.pt)
    both = zip(vars(one).values(), vars(other).values(), strict=True)
    joined = GeneratorParticles(*map(np.concatenate, both))
    mother = np.concatenate([one.mother, np.where(other.mother < 0, -1, other.mother + size)])
    joined = replace(joined, event=np.repeat([0, 2], size), mother=mother)
    axis = Axis(*(np.full(4, value) for value in (500.0, AXIS[0], AXIS[1], 600.0)))
    columns = labels_of(axis, np.array([0, 1, 2, 2]), joined, 0.8)
    assert columns["label_Hbb"].tolist() == [1, 0, 0, 0]
    assert columns["label_Hcc"].tolist() == [0, 0, 1, 1]


def test_an_event_without_jets_or_particles():
    nothing = GeneratorParticles(*(np.zeros(0, np.int64) for _ in range(4)), *(np.zeros(0) for _ in range(3)))
    assert found(nothing) == set()
    axis = Axis(*(np.zeros(0) for _ in range(4)))
    assert all(len(values) == 0 for values in labels_of(axis, np.zeros(0, np.int64), top(), 0.8).values())


def test_pairs_are_those_of_one_event():
    jet, place = pairs(np.array([0, 0, 2]), np.array([2, 0, 1, 0]))
    assert list(zip(jet.tolist(), place.tolist(), strict=True)) == [(2, 0), (0, 1), (1, 1), (0, 3), (1, 3)]


def test_the_radius_stands_in_the_name():
    known = {"FatJet": 0.8, "Jet": 0.4}
    assert required_radius(Request(), "FatJet", known) == 0.8
    assert required_radius(Request(), "Jet", known) == 0.4
    assert required_radius(Request(), "JetPUPPIAK15", {}) == 1.5
    assert required_radius(Request(radius=1.0), "Jet", known) == 1.0
    for name in ("MyJets", "Jet"):
        with pytest.raises(UserError, match=naming(name, "--radius")):
            required_radius(Request(), name, {})
