"""Clustering, selection, matching and the branches."""

import fastjet
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepjepa_weaver.simulation.clustering import find_jets, in_window, make_jets
from hepjepa_weaver.simulation.events import DecayProducts
from hepjepa_weaver.simulation.jet_table import GENERATOR_BRANCHES, JET_BRANCHES, PARTICLE_BRANCHES, jet_table
from hepjepa_weaver.simulation.matching import is_matched, wrap
from hepjepa_weaver.simulation.processes import LABELS, find_process
from hepjepa_weaver.simulation.substructure import substructure
from tests.helpers.hand_made import ELECTRON, MUON, PHOTON, PION, candidates, random_jets, without_generator_jets


def single_particle_jets(pt, eta, phi, event=None):
    parts = candidates(pt, eta, phi)
    n = len(parts.px)
    return make_jets(parts, np.arange(n) if event is None else np.asarray(event), np.ones(n, dtype=np.int64))


def products(eta, phi, event=0, group=0):
    arrays = np.broadcast_arrays(event, group, np.asarray(eta, float), np.asarray(phi, float))
    return DecayProducts(*arrays)


def test_two_hard_clusters_make_two_jets():
    rng = np.random.default_rng(0)
    eta = np.concatenate([rng.normal(0.5, 0.05, 20), rng.normal(-0.5, 0.05, 30), [2.5]])
    phi = np.concatenate([rng.normal(3.1, 0.05, 20), rng.normal(0.0, 0.05, 30), [1.0]])
    parts = candidates(np.concatenate([np.full(20, 30.0), np.full(30, 25.0), [20.0]]), eta, phi, event=2)
    jets = find_jets(parts, n_events=4)
    assert sorted(jets.counts) == [20, 30]
    np.testing.assert_array_equal(jets.event, [2, 2])
    for k in range(2):
        members = jets.constituents[np.flatnonzero(np.repeat(np.arange(2), jets.counts) == k)]
        np.testing.assert_allclose(jets.pt[k], np.hypot(members.px.sum(), members.py.sum()))
        np.testing.assert_allclose(jets.energy[k], members.energy.sum())


def test_jets_are_those_of_fastjet_event_by_event():
    """The batch against one event after the other."""
    rng = np.random.default_rng(1)
    n_events, n = 5, 120
    event = np.repeat(np.arange(n_events), n)
    parts = candidates(
        rng.exponential(30, n * n_events), rng.normal(0, 0.8, n * n_events), rng.uniform(-3, 3, n * n_events),
        event=event,
    )  # fmt: skip
    jets = find_jets(parts, n_events)
    expected = []
    for e in range(n_events):
        here = np.flatnonzero(event == e)
        pseudojets = [
            fastjet.PseudoJet(*map(float, (parts.px[i], parts.py[i], parts.pz[i], parts.energy[i]))) for i in here
        ]
        sequence = fastjet.ClusterSequence(pseudojets, fastjet.JetDefinition(fastjet.antikt_algorithm, 0.8))
        expected += sorted((e, jet.pt(), jet.eta()) for jet in sequence.inclusive_jets(500.0))
    found = sorted(zip(jets.event, jets.pt, jets.eta, strict=True))
    assert len(expected) > 3
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_no_candidates_no_jets():
    parts = candidates([], [], [])
    jets = find_jets(parts, 3)
    assert len(jets) == 0
    assert len(jet_table(jets, substructure(jets), without_generator_jets(0), find_process("QCD"))) == 0


def test_window():
    pt = [499.0, 501.0, 999.0, 1001.0, 700.0, 700.0]
    eta = [0.0, 0.0, 0.0, 0.0, 1.99, -2.01]
    jets = single_particle_jets(pt, eta, np.zeros(6))
    np.testing.assert_array_equal(in_window(jets), [False, True, True, False, True, False])
    np.testing.assert_array_equal(jets[in_window(jets)].event, [1, 2, 4])


def test_constituents_fall_in_pt_and_stay_with_their_jet():
    jets = random_jets([3, 1, 40])
    pt = np.hypot(jets.constituents.px, jets.constituents.py)
    for part in np.split(pt, np.cumsum(jets.counts)[:-1]):
        assert (np.diff(part) <= 0).all()
    chosen = jets[np.array([True, False, True])]
    np.testing.assert_array_equal(chosen.counts, [3, 40])
    np.testing.assert_array_equal(
        chosen.constituents.px, np.concatenate([jets.constituents.px[:3], jets.constituents.px[4:]])
    )


@given(st.floats(-50, 50))
def test_wrap(phi):
    wrapped = wrap(np.array([phi]))[0]
    assert -np.pi < wrapped <= np.pi
    np.testing.assert_allclose([np.cos(wrapped), np.sin(wrapped)], [np.cos(phi), np.sin(phi)], atol=1e-9)


@pytest.mark.parametrize(
    ("eta", "phi", "matched"),
    [
        ([0.1, -0.1], [3.1, -3.1], True),  # across phi = pi
        ([0.1, 0.81], [3.1, 3.14], False),
        ([0.1], [3.1], False),  # one of two missing
        ([0.1, -0.1, 0.0], [3.1, 3.1, 3.1], False),  # one too many
    ],
)
def test_matching_of_a_two_body_decay(eta, phi, matched):
    jets = single_particle_jets([600.0], [0.0], [np.pi])
    assert is_matched(jets, products(eta, phi), 2)[0] == matched


def test_a_jet_needs_the_products_of_one_top_and_of_its_own_event():
    jets = single_particle_jets([600.0] * 3, [0.0] * 3, [0.0, 2.0, 0.0], event=[0, 0, 1])
    near_first = products([0.1, 0.2, -0.1], [0.0, 0.1, 0.2], event=0, group=1)
    np.testing.assert_array_equal(is_matched(jets, near_first, 3), [True, False, False])
    mixed = products([0.1, 0.2, -0.1], [0.0, 0.1, 0.2], event=0, group=[0, 1, 1])
    assert not is_matched(jets, mixed, 3).any()


def test_qcd_jets_need_no_match():
    jets = single_particle_jets([600.0], [0.0], [0.0])
    assert is_matched(jets, products([], []), 0).all()


@pytest.mark.parametrize("jet_eta", [1.0, -1.0])
def test_branches(jet_eta):
    pids = [PHOTON, PION, -PION, ELECTRON, -MUON, 0]
    parts = candidates(
        [300.0, 200.0, 100.0, 50.0, 20.0, 10.0], jet_eta + np.linspace(-0.3, 0.2, 6),
        np.pi + np.linspace(-0.3, 0.3, 6), pid=pids,
    )  # fmt: skip
    jets = make_jets(parts, np.zeros(1, dtype=np.int64), np.array([6]))
    table = jet_table(jets, substructure(jets), without_generator_jets(1), find_process("Hbb"))
    assert set(table.fields) == {"part", *JET_BRANCHES, *GENERATOR_BRANCHES, *LABELS}
    assert table.part.fields == list(PARTICLE_BRANCHES)
    part = table.part[0]
    np.testing.assert_allclose(
        part.deta, (jet_eta + np.linspace(-0.3, 0.2, 6) - jets.eta[0]) * np.sign(jet_eta), atol=1e-6
    )
    assert np.abs(np.asarray(part.dphi)).max() < 0.6  # wrapped, although the jet lies at phi = pi
    flags = np.stack([np.asarray(part[name]) for name in PARTICLE_BRANCHES[-5:]], axis=1)
    np.testing.assert_array_equal(np.argmax(flags, axis=1), [2, 0, 0, 3, 4, 1])
    np.testing.assert_array_equal(flags.sum(axis=1), 1)
    np.testing.assert_array_equal(part.charge, [0, 1, -1, -1, 1, 0])
    np.testing.assert_array_equal(np.asarray(part.d0val) != 0, np.asarray(part.charge) != 0)
    assert [int(table[label][0]) for label in LABELS] == [int(label == "label_Hbb") for label in LABELS]
    assert table.jet_nparticles[0] == 6
