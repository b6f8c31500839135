"""Energy flow: tracks, plus the energy of a calorimeter cell beyond that of its tracks.

The method follows Delphes's SimpleCalorimeter (arXiv:1307.6346): ECal first, then HCal. The energy of each cell is
measured and compared to that of the tracks pointing at the cell. A significant excess is a photon (ECal) or a neutral
hadron (HCal), and the tracks stay as they are. Otherwise the tracks are scaled to the cell's energy.

This scaling is a property of JetClass's card. It re-draws the tracks with a resolution of zero, which Delphes takes for
"no weight", so that the calorimeter has the last word. Real JetClass jets show the effect: their charged particles set
in at about 2.25 GeV, where the energy of an HCal cell is one sigma.
"""

from dataclasses import dataclass

import numpy as np

from hepjepa_weaver.simulation.calorimeter import ECAL, HCAL, Calorimeter
from hepjepa_weaver.simulation.candidates import NEUTRAL_HADRON, PHOTON, Candidates, merge
from hepjepa_weaver.simulation.events import Floats, Ints, Particles
from hepjepa_weaver.simulation.propagation import Surface
from hepjepa_weaver.simulation.randomness import DetectorRandomness, log_normal
from hepjepa_weaver.simulation.tracking import Tracks


@dataclass(frozen=True)
class Flow:
    """Output of one calorimeter: neutral excesses (K,), and a scale for each track (T,)."""

    event: Ints
    eta: Floats
    phi: Floats
    energy: Floats
    track_scale: Floats


def energy_flow(
    calo: Calorimeter,
    particles: Particles,
    surface: Surface,
    tracks: Tracks,
    track_energy: Floats,
    generators: tuple[np.random.Generator, np.random.Generator],
) -> Flow:
    """Measure the cells and compare them to their tracks.

    Args:
        calo: the calorimeter.
        particles: all stable particles (N,).
        surface: where each particle (N,) meets the calorimeters.
        tracks: the tracks (T,).
        track_energy: (T,), present energies of the tracks in GeV.
        generators: random numbers for the energies and for the positions.
    """
    cell, inside = calo.geometry.cell(surface.eta, surface.phi)
    fraction = calo.fraction(particles.pid)
    hits = inside & (fraction > 0)
    # One number for each (event, cell) that is hit.
    place = particles.event * calo.geometry.n_cells + cell
    hit_places, slot = np.unique(place[hits], return_inverse=True)
    n_slots = len(hit_places)
    slots = np.full(len(particles), -1)
    slots[hits] = slot
    deposit = np.bincount(slot, (fraction * particles.energy)[hits], n_slots).astype(np.float64)
    of_track = slots[tracks.particle]
    aims = of_track >= 0
    tracked = np.bincount(of_track[aims], (fraction[tracks.particle] * track_energy)[aims], n_slots)

    eta_low, eta_width, phi_low, phi_width = calo.geometry.edges(hit_places % calo.geometry.n_cells)
    middle = eta_low + eta_width / 2
    measured = log_normal(deposit, calo.sigma(middle, deposit), generators[0])
    sigma = calo.sigma(middle, measured)
    measured[(measured < calo.threshold) | (measured < calo.significance * sigma)] = 0.0
    excess = np.maximum(measured - tracked, 0.0)
    is_neutral = (excess > calo.threshold) & (excess > calo.significance * sigma)

    cell_scale = np.where(is_neutral | (tracked <= 0), 1.0, measured / np.where(tracked > 0, tracked, 1.0))
    track_scale = np.ones(len(of_track))
    track_scale[aims] = cell_scale[of_track[aims]]
    # A random direction within the cell: with the centres, all jets would lie on a grid.
    random_eta, random_phi = generators[1].random((n_slots, 2)).T
    return Flow(
        event=(hit_places // calo.geometry.n_cells)[is_neutral],
        eta=(eta_low + eta_width * random_eta)[is_neutral],
        phi=(phi_low + phi_width * random_phi)[is_neutral],
        energy=excess[is_neutral],
        track_scale=track_scale,
    )


def particle_flow(particles: Particles, surface: Surface, tracks: Tracks, random: DetectorRandomness) -> Candidates:
    """Return the candidates of all events.

    Args:
        particles: all stable particles (N,).
        surface: where each particle (N,) meets the calorimeters.
        tracks: the tracks.
        random: random numbers of the detector.
    """
    source = particles[tracks.particle]
    mass2 = source.energy**2 - source.pt**2 - source.pz**2
    cosh2 = np.cosh(source.eta) ** 2
    pt = tracks.pt
    neutrals = []
    for calo, pid, generators in (
        (ECAL, PHOTON, (random.ecal_energy, random.ecal_position)),
        (HCAL, NEUTRAL_HADRON, (random.hcal_energy, random.hcal_position)),
    ):
        energy = np.sqrt(np.maximum(pt**2 * cosh2 + mass2, 0.0))
        flow = energy_flow(calo, particles, surface, tracks, energy, generators)
        pt = pt * flow.track_scale
        neutrals.append(neutral_candidates(flow, pid))
    energy = np.sqrt(np.maximum(pt**2 * cosh2 + mass2, 0.0))
    charged = Candidates(
        event=source.event,
        pid=source.pid,
        charge=source.charge,
        px=pt * np.cos(source.phi),
        py=pt * np.sin(source.phi),
        pz=pt * np.sinh(source.eta),
        energy=energy,
        d0=tracks.d0,
        d0_error=tracks.d0_error,
        dz=tracks.dz,
        dz_error=tracks.dz_error,
    )
    # A track whose cells measured nothing is left without momentum: not a candidate.
    return merge([charged[np.flatnonzero(pt > 0)], *neutrals])


def neutral_candidates(flow: Flow, pid: int) -> Candidates:
    """Return the neutral excesses of a calorimeter as candidates."""
    pt = flow.energy / np.cosh(flow.eta)
    zero = np.zeros(len(pt))
    return Candidates(
        event=flow.event,
        pid=np.full(len(pt), pid),
        charge=zero,
        px=pt * np.cos(flow.phi),
        py=pt * np.sin(flow.phi),
        pz=pt * np.sinh(flow.eta),
        energy=flow.energy,
        d0=zero,
        d0_error=zero,
        dz=zero,
        dz_error=zero,
    )
