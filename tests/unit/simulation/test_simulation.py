"""Jets made with Pythia: physics, and the same content whatever the batches."""

import awkward as ak
import numpy as np
import pytest
from speed.jet_production import measure

from hepjepa_weaver.simulation.events import decay_products, flatten, stable_particles
from hepjepa_weaver.simulation.processes import JETCLASS_PROCESSES, find_process
from hepjepa_weaver.simulation.simulation import Simulation

pytestmark = pytest.mark.slow


def make(name, n_jets, seed=1, events_per_batch=200):
    simulation = Simulation(find_process(name), np.random.SeedSequence(seed))
    return ak.concatenate(list(simulation.jets(n_jets, events_per_batch)))


@pytest.mark.parametrize("process", JETCLASS_PROCESSES, ids=lambda process: process.name)
def test_jets_of_every_class(process):
    jets = make(process.name, 30)
    assert len(jets) == 30
    assert np.all((jets.jet_pt > 500) & (jets.jet_pt < 1000) & (np.abs(jets.jet_eta) < 2))
    assert np.all(jets[process.label] == 1)
    assert 15 < np.mean(jets.jet_nparticles) < 80
    pt = np.hypot(jets.part.px, jets.part.py)
    assert ak.all(pt[:, 1:] <= pt[:, :-1])
    total = [np.asarray(ak.sum(jets.part[name], axis=1), dtype=np.float64) for name in ("px", "py")]
    np.testing.assert_allclose(np.hypot(*total), jets.jet_pt, rtol=1e-5)
    np.testing.assert_allclose(ak.sum(jets.part.energy, axis=1), jets.jet_energy, rtol=1e-5)
    assert ak.mean(np.hypot(jets.part.deta, jets.part.dphi) < 0.8) > 0.9
    assert not ak.any(np.isnan(jets.part.d0val))
    taus = np.stack([np.asarray(jets[f"jet_tau{n}"]) for n in (1, 2, 3, 4)])
    assert np.all(np.diff(taus, axis=0) < 1e-3)


def test_the_soft_drop_mass_is_that_of_the_resonance():
    for name, mass in [("Hbb", 125.0), ("Wqq", 80.0), ("Tbqq", 173.0)]:
        median = float(np.median(make(name, 150).jet_sdmass))
        assert 0.8 * mass < median < 1.1 * mass


def test_b_jets_have_displaced_tracks():
    def share_displaced(name):
        part = make(name, 60).part
        tracks = ak.flatten(part[part.d0err > 0])
        return np.mean(np.abs(tracks.d0val / tracks.d0err) > 5)

    assert share_displaced("Hbb") > 2 * share_displaced("Wqq")


def test_decay_products_are_complete():
    for name in ("Hbb", "H4q", "Hqql", "Zqq", "Tbqq", "Tbl"):
        process = find_process(name)
        events = flatten(Simulation(process, np.random.SeedSequence(2)).generator.next_batch(20))
        products = decay_products(events, process.is_pair)
        counts = np.bincount(2 * products.event + products.group, minlength=40).reshape(20, 2)
        expected = [process.n_products, process.n_products if process.is_pair else 0]
        np.testing.assert_array_equal(counts, np.tile(expected, (20, 1)))


def test_stable_particles():
    simulation = Simulation(find_process("Hbb"), np.random.SeedSequence(2))
    events = flatten(simulation.generator.next_batch(5))
    parts = stable_particles(events, simulation.generator.charge)
    assert not np.isin(np.abs(parts.pid), (12, 14, 16)).any()
    assert set(np.unique(parts.charge)) == {-1.0, 0.0, 1.0}
    assert (np.abs(parts.eta) < 3).all()
    assert (np.diff(parts.event) >= 0).all()
    assert (np.hypot(parts.x, parts.y)[np.abs(parts.pid) == 211] > 0.1).any()  # from decays of b hadrons
    mass2 = parts.energy**2 - parts.pt**2 - parts.pz**2
    np.testing.assert_allclose(mass2[np.abs(parts.pid) == 211], 0.1396**2, atol=1e-3)


def test_content_does_not_depend_on_the_batches():
    whole, pieces = make("Tbl", 25, events_per_batch=200), make("Tbl", 25, events_per_batch=7)
    assert ak.array_equal(whole, pieces)


def test_another_seed_gives_other_jets():
    assert not np.any(np.isin(make("Tbl", 5, seed=2).jet_pt, make("Tbl", 5, seed=1).jet_pt))


def test_benchmark():
    speed = measure(find_process("Wqq"), 20, seed=1)
    assert speed.n_jets == 20
    assert 0 < speed.pythia_seconds < speed.seconds
    assert speed.n_events >= 20
