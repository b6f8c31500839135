"""From charged particles to tracks: efficiency, momentum resolution, impact parameters.

The numbers are those of the detector card of JetClass. This is Delphes's CMS card (arXiv:1307.6346) with the
impact-parameter resolutions of CMS (arXiv:1405.6569) in `track_resolution.csv`. GeV and mm throughout.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from hepjepa_weaver.simulation import calorimeter
from hepjepa_weaver.simulation.events import Bools, Floats, Ints, Particles
from hepjepa_weaver.simulation.propagation import Helix, Surface
from hepjepa_weaver.simulation.randomness import DetectorRandomness, log_normal

MAX_ABS_ETA, MIN_PT = 2.5, 0.1
ELECTRON, MUON = 11, 13

# Efficiency for |eta| <= 1.5 and above, below each pT edge in turn.
EFFICIENCY_PT_EDGES = {"hadron": (1.0,), ELECTRON: (1.0, 100.0), MUON: (1.0,)}
EFFICIENCY = {
    "hadron": ((0.70, 0.95), (0.60, 0.85)),
    ELECTRON: ((0.73, 0.95, 0.99), (0.50, 0.83, 0.90)),
    MUON: ((0.75, 0.99), (0.70, 0.98)),
}
# sigma(pT)/pT = a (+) b pT for |eta| <= 0.5, <= 1.5, <= 2.5.
RESOLUTION_A = {"hadron": (0.06, 0.10, 0.25), ELECTRON: (0.03, 0.05, 0.15), MUON: (0.01, 0.015, 0.025)}
RESOLUTION_B = {
    "hadron": (1.3e-3, 1.7e-3, 3.1e-3),
    ELECTRON: (1.3e-3, 1.7e-3, 3.1e-3),
    MUON: (1.0e-4, 1.5e-4, 3.5e-4),
}


@dataclass(frozen=True)
class Tracks:
    """Reconstructed tracks, each array (T,).

    Attributes:
        particle: index of the particle of each track.
        pt: smeared, in GeV.
        d0: in mm.
        d0_error: uncertainty of d0, in mm.
        dz: in mm.
        dz_error: uncertainty of dz, in mm.
    """

    particle: Ints
    pt: Floats
    d0: Floats
    d0_error: Floats
    dz: Floats
    dz_error: Floats


def kinds(particles: Particles) -> list[tuple[str | int, Bools]]:
    """Return pairs of a kind of track and the mask of its particles."""
    code = np.abs(particles.pid)
    is_electron, is_muon = code == ELECTRON, code == MUON
    return [("hadron", ~is_electron & ~is_muon), (ELECTRON, is_electron), (MUON, is_muon)]


def efficiency(particles: Particles) -> Floats:
    """Return the probability (N,) that a charged particle is found as a track."""
    pt, abs_eta = particles.pt, np.abs(particles.eta)
    probability = np.zeros(len(particles))
    for kind, is_kind in kinds(particles):
        table = np.array(EFFICIENCY[kind])
        forward = (abs_eta[is_kind] > 1.5).astype(np.int64)
        probability[is_kind] = table[forward, np.searchsorted(EFFICIENCY_PT_EDGES[kind], pt[is_kind])]
    return np.where((pt > MIN_PT) & (abs_eta <= MAX_ABS_ETA), probability, 0.0)


def momentum_resolution(particles: Particles) -> Floats:
    """Return sigma(pT)/pT (N,), at most 1."""
    region = np.minimum(np.searchsorted((0.5, 1.5), np.abs(particles.eta)), 2)
    resolution = np.empty(len(particles))
    for kind, is_kind in kinds(particles):
        a, b = (np.array(table[kind])[region[is_kind]] for table in (RESOLUTION_A, RESOLUTION_B))
        resolution[is_kind] = np.hypot(a, b * particles.pt[is_kind])
    return np.minimum(resolution, 1.0)


@cache
def resolution_table() -> tuple[Floats, Floats, Floats]:
    """Return edges in |eta| (3 regions) and pT, and sigma of d0 and dz in mm (2, 3, number of pT bins)."""
    text = resources.files("hepjepa_weaver.simulation").joinpath("track_resolution.csv").read_text()
    rows = np.array([[float(v) for v in line.split(",")] for line in text.splitlines()[2:]])
    eta_edges = np.unique(rows[:, :2])
    pt_edges = np.unique(rows[:, 2:4])
    return eta_edges, pt_edges, rows[:, 4:].T.reshape(2, len(eta_edges) - 1, len(pt_edges) - 1)


def impact_resolution(pt: Floats, eta: Floats) -> Floats:
    """Return sigma of d0 and dz in mm (2, N); 0 where the card has no entry (pT below 0.18 GeV)."""
    eta_edges, pt_edges, sigma = resolution_table()
    eta_bin = np.searchsorted(eta_edges, np.abs(eta)) - 1
    pt_bin = np.searchsorted(pt_edges, pt) - 1
    inside = (eta_bin >= 0) & (eta_bin < sigma.shape[1]) & (pt_bin >= 0)
    return np.where(inside, sigma[:, np.minimum(eta_bin, sigma.shape[1] - 1), pt_bin], 0.0)


def find_tracks(particles: Particles, helix: Helix, surface: Surface, random: DetectorRandomness) -> Tracks:
    """Return the tracks of charged particles; `helix` is their path and `surface` its end."""
    found = random.track_found.random(len(particles)) < efficiency(particles)
    # The energy flow needs tracks that end in a calorimeter: a curling one may leave along the beam.
    chosen = np.flatnonzero(found & (np.abs(surface.eta) < calorimeter.MAX_ABS_ETA))
    particles, helix = particles[chosen], helix[chosen]
    pt = log_normal(particles.pt, momentum_resolution(particles) * particles.pt, random.track_pt)
    d0_error, dz_error = impact_resolution(pt, particles.eta)
    d0 = helix.d0 + d0_error * random.d0.standard_normal(len(pt))
    dz = helix.dz + dz_error * random.dz.standard_normal(len(pt))
    return Tracks(chosen, pt, d0, d0_error, dz, dz_error)
