"""Particles, jets and candidates made by hand."""

import numpy as np

from hepjepa_weaver.simulation.candidates import Candidates
from hepjepa_weaver.simulation.clustering import Jets, make_jets
from hepjepa_weaver.simulation.events import Particles
from hepjepa_weaver.simulation.generator_jets import GeneratorJets
from hepjepa_weaver.simulation.jet_table import jet_table
from hepjepa_weaver.simulation.processes import find_process
from hepjepa_weaver.simulation.substructure import substructure

PION, PHOTON, ELECTRON, MUON, K0S, NEUTRON = 211, 22, 11, 13, 310, 2112
CHARGES = {PION: 1.0, ELECTRON: -1.0, MUON: -1.0}
MASSES = {PION: 0.1396, ELECTRON: 0.0005, MUON: 0.1057, K0S: 0.4976, NEUTRON: 0.9396}


def particles(pid, pt, eta, phi=0.0, event=0, position=(0.0, 0.0, 0.0)) -> Particles:
    """Particles with broadcast arguments; antiparticles (negative codes) have the opposite charge."""
    pid, pt, eta, phi, event = map(np.atleast_1d, np.broadcast_arrays(pid, pt, eta, phi, event))
    mass = np.array([MASSES.get(abs(code), 0.0) for code in pid])
    charge = np.array([CHARGES.get(abs(code), 0.0) * np.sign(code) for code in pid])
    pz = pt * np.sinh(eta)
    x, y, z = (np.full(len(pt), float(coordinate)) for coordinate in position)
    energy = np.sqrt(pt**2 + pz**2 + mass**2)
    return Particles(
        event.astype(np.int64), pid.astype(np.int64), charge,
        pt * np.cos(phi), pt * np.sin(phi), pz, energy, x, y, z,
    )  # fmt: skip


def candidates(pt, eta, phi, pid=PHOTON, event=0) -> Candidates:
    """Massless candidates; tracks have d0 = 0.1 mm and the like."""
    parts = particles(pid, pt, eta, phi, event)
    is_track = (parts.charge != 0).astype(float)
    energy = np.hypot(parts.pt, parts.pz)
    return Candidates(
        parts.event, parts.pid, parts.charge, parts.px, parts.py, parts.pz, energy,
        0.1 * is_track, 0.02 * is_track, -0.2 * is_track, 0.05 * is_track,
    )  # fmt: skip


def random_jets(counts, seed=0, eta=0.7, phi=3.0, pid=PHOTON) -> Jets:
    """Jets of the given numbers of constituents around (eta, phi), pT falling like a jet's."""
    counts = np.asarray(counts)
    rng = np.random.default_rng(seed)
    n = counts.sum()
    pt = rng.exponential(20.0, n) ** 1.5 + 1.0
    parts = candidates(
        pt, eta + 0.25 * rng.standard_normal(n), phi + 0.25 * rng.standard_normal(n), pid=rng.choice([pid], n)
    )
    return make_jets(parts, np.arange(len(counts)), counts)


def table_of_jets(n=6):
    """The columns of `n` jets of five photons, as a file of H→bb has them."""
    jets = random_jets([5] * n)
    return jet_table(jets, substructure(jets), without_generator_jets(n), find_process("HToBB"))


def without_generator_jets(n):
    """For `n` jets, that they have no generator-level jet."""
    return GeneratorJets(*np.full((3, n), np.nan))
