"""The calorimeters: cells, the energy that each particle leaves in them, and the energy they measure.

The numbers are those of JetClass's detector card (Delphes's CMS card). Energies in GeV, angles in radians.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hepjepa_weaver.simulation.events import Bools, Floats, Ints

MAX_ABS_ETA = 5.0
FORWARD_EDGES = [3.125, 3.3, 3.475, 3.65, 3.825, 4, 4.175, 4.35, 4.525, 4.7, MAX_ABS_ETA]
"""Edges in |eta| of both calorimeters."""


@dataclass(frozen=True)
class Geometry:
    """Cells in eta and phi.

    Attributes:
        eta_edges: (E + 1,), edges of the rings in eta.
        n_phi: (E,), number of cells around the beam in each ring.
    """

    eta_edges: Floats
    n_phi: Ints

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return int(self.n_phi.sum())

    def cell(self, eta: Floats, phi: Floats) -> tuple[Ints, Bools]:
        """Return the cell that each direction points at, and whether it points at one."""
        ring = np.searchsorted(self.eta_edges, eta) - 1
        inside = (ring >= 0) & (ring < len(self.n_phi))
        ring = np.where(inside, ring, 0)
        step = np.floor((phi + np.pi) / (2 * np.pi) * self.n_phi[ring]).astype(np.int64) % self.n_phi[ring]
        first = np.cumsum(self.n_phi) - self.n_phi
        return first[ring] + step, inside

    def edges(self, cell: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        """Return lower edge and width in eta, and lower edge and width in phi."""
        first = np.cumsum(self.n_phi) - self.n_phi
        ring = np.searchsorted(first, cell, side="right") - 1
        width = 2 * np.pi / self.n_phi[ring]
        return (
            self.eta_edges[ring],
            np.diff(self.eta_edges)[ring],
            (cell - first[ring]) * width - np.pi,
            width,
        )


def symmetric(edges: Floats) -> Floats:
    """Return the edges on both sides of eta = 0, from those on one side."""
    return np.concatenate([-edges[::-1], edges[edges > 0]])


def geometry(eta_edges: Floats, n_phi: Callable[[Floats], Ints]) -> Geometry:
    """Return rings between `eta_edges` (those above 0), with n_phi(|eta|) cells at the middle of each."""
    edges = symmetric(eta_edges)
    return Geometry(edges, n_phi(np.abs(edges[1:] + edges[:-1]) / 2))


def ecal_geometry() -> Geometry:
    """Return the cells of the ECal: 0.0174 x 1 degree up to |eta| = 2.958, then 10 degrees up to 5."""
    edges = np.concatenate([0.0174 * np.arange(171), FORWARD_EDGES])
    return geometry(edges, lambda abs_eta: np.where(abs_eta < 2.958, 360, 36))


def hcal_geometry() -> Geometry:
    """Return the cells of the HCal: 0.087 x 5 degrees up to |eta| = 1.653, then wider ones.

    Those have 10 degrees up to 4.525 and 20 degrees up to 5.
    """
    middle = [1.74, 1.83, 1.93, 2.043, 2.172, 2.322, 2.5, 2.65, 2.868, 2.95]
    edges = np.concatenate([0.087 * np.arange(20), middle, FORWARD_EDGES])
    return geometry(edges, lambda abs_eta: np.select([abs_eta < 1.653, abs_eta < 4.525], [72, 36], 18))


def ecal_sigma(eta: Floats, energy: Floats) -> Floats:
    """Return the energy resolution of the ECal in GeV (arXiv:1306.2016, arXiv:1502.02701)."""
    abs_eta = np.abs(eta)
    stochastic = np.sqrt((0.008 * energy) ** 2 + 0.11**2 * energy + 0.40**2)
    forward = np.sqrt((0.107 * energy) ** 2 + 2.08**2 * energy)
    return np.select(
        [abs_eta <= 1.5, abs_eta <= 2.5],
        [(1 + 0.64 * eta**2) * stochastic, (2.16 + 5.6 * (abs_eta - 2) ** 2) * stochastic],
        forward,
    )


def hcal_sigma(eta: Floats, energy: Floats) -> Floats:
    """Return the energy resolution of the HCal in GeV."""
    central = np.sqrt((0.050 * energy) ** 2 + 1.50**2 * energy)
    forward = np.sqrt((0.130 * energy) ** 2 + 2.70**2 * energy)
    return np.where(np.abs(eta) <= 3.0, central, forward)


def ecal_fraction(pid: Ints) -> Floats:
    """Return the fraction of its energy that a particle leaves in the ECal."""
    code = np.abs(pid)
    return np.select([np.isin(code, (11, 22, 111)), np.isin(code, (310, 3122))], [1.0, 0.3], 0.0)


def hcal_fraction(pid: Ints) -> Floats:
    """Return the fraction of its energy that a particle leaves in the HCal."""
    return np.where(np.abs(pid) == 13, 0.0, 1.0 - ecal_fraction(pid))


@dataclass(frozen=True)
class Calorimeter:
    """One of the two calorimeters.

    A cell counts if its energy is above both `threshold` and `significance` standard deviations.

    Attributes:
        geometry: the cells.
        sigma: gives the resolution in GeV from eta and energy.
        fraction: gives the fraction of a particle's energy that the calorimeter takes, from the PDG code.
        threshold: in GeV.
        significance: in standard deviations of the measured energy.
    """

    geometry: Geometry
    sigma: Callable[[Floats, Floats], Floats]
    fraction: Callable[[Ints], Floats]
    threshold: float
    significance: float


ECAL = Calorimeter(ecal_geometry(), ecal_sigma, ecal_fraction, threshold=0.5, significance=2.0)
HCAL = Calorimeter(hcal_geometry(), hcal_sigma, hcal_fraction, threshold=1.0, significance=1.0)
