"""Generator-level jets and their match to the detector's."""

import numpy as np
import pytest

from hepjepa_weaver.simulation.clustering import make_jets
from hepjepa_weaver.simulation.generator_jets import generator_jets, nearest
from hepjepa_weaver.simulation.processes import find_process
from hepjepa_weaver.simulation.selection import JETCLASS
from hepjepa_weaver.simulation.simulation import Simulation
from tests.helpers.hand_made import PION, candidates, particles


def single_particle_jets(pt, eta, phi, event):
    return make_jets(candidates(pt, eta, phi), np.asarray(event), np.ones(len(pt), dtype=np.int64))


def test_the_nearest_of_the_same_event_within_the_radius():
    jets = single_particle_jets([600.0, 700.0, 800.0, 900.0], [0.0, 1.0, 0.0, 0.0], [3.1, 0.0, 0.0, 0.0], [0, 0, 1, 2])
    others = single_particle_jets(
        [500.0] * 5, [0.1, 0.05, 1.3, 0.0, 0.41], [3.1, -3.15, 0.0, 0.0, 0.0], [0, 0, 0, 0, 1]
    )
    assert nearest(jets, others, 0.4).tolist() == [1, 2, -1, -1]


def test_mass_and_momentum_are_those_of_the_particles():
    """A jet of two pions, 0.6 apart; the detector has lost a tenth of the energy of both."""
    true = particles(PION, [400.0, 300.0], [0.3, -0.3], event=[1, 1])
    seen = make_jets(candidates([360.0, 270.0], [0.3, -0.3], 0.0), np.array([1]), np.array([2]))
    found = generator_jets(seen, true, 2, JETCLASS)
    energy, px, pz = true.energy.sum(), true.px.sum(), true.pz.sum()
    mass = np.sqrt(energy**2 - px**2 - pz**2)
    assert found.pt.tolist() == pytest.approx([700.0])
    assert found.mass.tolist() == pytest.approx([mass])
    assert 200 < mass < 220
    assert found.soft_drop_mass.tolist() == pytest.approx([mass]), "both are hard"


def test_jets_without_one_have_none():
    seen = single_particle_jets([600.0, 600.0], [0.0, 0.0], [0.0, 2.0], [0, 0])
    soft = particles(PION, [249.0, 300.0], [0.0, 0.3], [0.0, 2.3])
    found = generator_jets(seen, soft, 1, JETCLASS)
    for values in (found.pt, found.mass, found.soft_drop_mass):
        assert np.isnan(values).all()
    assert len(generator_jets(seen[np.zeros(2, dtype=bool)], soft, 1, JETCLASS).pt) == 0


@pytest.mark.slow
def test_simulated_jets_are_near_their_generator_level_jets():
    simulation = Simulation(find_process("TTBar"), np.random.SeedSequence(3))
    (table, *_) = simulation.jets(20)
    pt, generated = np.asarray(table.jet_pt), np.asarray(table.jet_gen_pt)
    assert len(pt) > 5
    assert np.isfinite(generated).all()
    assert abs(np.median(pt / generated) - 1) < 0.05
    assert np.std(pt / generated) < 0.15
    mass = np.asarray(table.jet_gen_sdmass)
    assert 120 < np.median(mass) < 200
    assert (mass <= np.asarray(table.jet_gen_mass) * (1 + 1e-5)).all()
