"""The calorimeters: cells, what each particle leaves in them, and the energy they measure.

Numbers of the detector card of JetClass (Delphes's CMS card). Energies in GeV, angles in radians.
"""

from dataclasses import dataclass

import numpy as np

from hepjepa_weaver.jets.events import Bools, Floats, Ints

DEGREE = np.pi / 180


@dataclass(frozen=True)
class Geometry:
    """Cells in eta and phi. eta_edges (E + 1,); n_phi (E,): cells around the beam in each ring of eta."""

    eta_edges: Floats
    n_phi: Ints

    @property
    def n_cells(self) -> int:
        return int(self.n_phi.sum())

    def cell(self, eta: Floats, phi: Floats) -> tuple[Ints, Bools]:
        """The cell each direction points at, and whether it points at one."""
        ring = np.searchsorted(self.eta_edges, eta) - 1
        inside = (ring >= 0) & (ring < len(self.n_phi))
        ring = np.where(inside, ring, 0)
        step = np.floor((phi + np.pi) / (2 * np.pi) * self.n_phi[ring]).astype(np.int64) % self.n_phi[ring]
        first = np.cumsum(self.n_phi) - self.n_phi
        return first[ring] + step, inside

    def edges(self, cell: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        """Lower edge and width in eta, lower edge and width in phi."""
        first = np.cumsum(self.n_phi) - self.n_phi
        ring = np.searchsorted(first, cell, side="right") - 1
        width = 2 * np.pi / self.n_phi[ring]
        return (
            self.eta_edges[ring],
            np.diff(self.eta_edges)[ring],
            (cell - first[ring]) * width - np.pi,
            width,
        )


def ecal_geometry() -> Geometry:
    """0.0174 x 1 degree up to |eta| = 2.958."""
    edges = 0.0174 * np.arange(-170, 171)
    return Geometry(edges, np.full(len(edges) - 1, 360))


def hcal_geometry() -> Geometry:
    """0.087 x 5 degrees up to |eta| = 1.653, wider and 10 degrees up to 2.95."""
    fine = 0.087 * np.arange(20)
    coarse = np.array([1.74, 1.83, 1.93, 2.043, 2.172, 2.322, 2.5, 2.65, 2.868, 2.95])
    edges = np.concatenate([-coarse[::-1], -fine[:0:-1], fine, coarse])
    middle = (edges[1:] + edges[:-1]) / 2
    return Geometry(edges, np.where(np.abs(middle) < 1.653, 72, 36))


def ecal_sigma(eta: Floats, energy: Floats) -> Floats:
    """Resolution of the ECal, GeV (arXiv:1306.2016, arXiv:1502.02701)."""
    abs_eta = np.abs(eta)
    stochastic = np.sqrt((0.008 * energy) ** 2 + 0.11**2 * energy + 0.40**2)
    forward = np.sqrt((0.107 * energy) ** 2 + 2.08**2 * energy)
    return np.select(
        [abs_eta <= 1.5, abs_eta <= 2.5],
        [(1 + 0.64 * eta**2) * stochastic, (2.16 + 5.6 * (abs_eta - 2) ** 2) * stochastic],
        forward,
    )


def hcal_sigma(eta: Floats, energy: Floats) -> Floats:
    """Resolution of the HCal up to |eta| = 3, GeV; the same in all of it."""
    del eta
    return np.sqrt((0.05 * energy) ** 2 + 1.5**2 * energy)


def ecal_fraction(pid: Ints) -> Floats:
    """Share of its energy that a particle leaves in the ECal."""
    code = np.abs(pid)
    return np.select([np.isin(code, (11, 22, 111)), np.isin(code, (310, 3122))], [1.0, 0.3], 0.0)


def hcal_fraction(pid: Ints) -> Floats:
    """Share of its energy that a particle leaves in the HCal."""
    return np.where(np.abs(pid) == 13, 0.0, 1.0 - ecal_fraction(pid))


