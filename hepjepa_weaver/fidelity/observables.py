"""Observables of jets, from their massless particles relative to the jet axis.

N-subjettiness: J. Thaler and K. Van Tilburg, arXiv:1011.2268, beta = 1, normalised with R0 = 0.8, exclusive-kT axes.
D2: A. Larkoski, I. Moult and D. Neill, arXiv:1409.6298, beta = 1. It is e3 / e2³ of the normalised energy correlation
functions e2 = Σ z_i z_j R_ij and e3 = Σ z_i z_j z_k R_ij R_ik R_jk. Here z = pT / Σ pT, and each pair or triplet counts
once.

Shapes: N jets, S particles of all jets one after the other. Units: GeV.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import awkward as ak
import numpy as np

from hepjepa_weaver.fidelity.particles import Floats, Ints, JetParticles
from hepjepa_weaver.simulation.clustering import import_fastjet

R0, BETA = 0.8, 1.0
WHOLE_JET = 100.0
"""Radius larger than any jet, so that clustering keeps each jet whole."""
MIN_PARTICLES = 3
"""Jets with fewer particles have no N-subjettiness ratios and no D2."""

PT, ETA, PHI, MASS = "jet pT", "jet η", "jet φ", "jet mass"
TAU21, TAU32, D2, MULTIPLICITY = "τ21", "τ32", "D2", "multiplicity"
PARTICLE_PT, DETA, DPHI = "particle pT", "particle Δη", "particle Δφ"
JET_OBSERVABLES = (PT, ETA, PHI, MASS, TAU21, TAU32, D2, MULTIPLICITY)
PARTICLE_OBSERVABLES = (PARTICLE_PT, DETA, DPHI)
OBSERVABLES = (*JET_OBSERVABLES, *PARTICLE_OBSERVABLES)
UNITS = {PT: "GeV", MASS: "GeV", PARTICLE_PT: "GeV"}


@dataclass(frozen=True)
class Quantity:
    """An observable of N jets: one value per jet, or one per particle.

    Attributes:
        values: (V,), all finite.
        owner: (V,), index of the jet that each value belongs to.
        num_jets: number N of jets, those without a value included.
    """

    values: Floats
    owner: Ints
    num_jets: int


@dataclass(frozen=True)
class Observables:
    """All observables of a sample.

    Attributes:
        jets: the sample.
        by_jet: (N,) by the names in `JET_OBSERVABLES`; NaN where undefined.
    """

    jets: JetParticles
    by_jet: Mapping[str, Floats]

    def __getitem__(self, name: str) -> Quantity:
        """Return an observable by its name in `OBSERVABLES`, without the undefined values."""
        if name in self.by_jet:
            values = self.by_jet[name]
            defined = np.flatnonzero(np.isfinite(values))
            return Quantity(values[defined], defined, len(self.jets))
        particles = {PARTICLE_PT: self.jets.pt, DETA: self.jets.deta, DPHI: self.jets.dphi}
        return Quantity(particles[name], self.jets.owner, len(self.jets))

    def chosen(self, jets: Ints) -> "Observables":
        """Return the observables of some jets, given by their indices (M,)."""
        return Observables(self.jets[jets], {name: values[jets] for name, values in self.by_jet.items()})


def observe(jets: JetParticles) -> Observables:
    """Compute all observables of the jets.

    η and φ are those of the summed particles, relative to the jet axis. Particles of pT 0 count in the multiplicity
    alone. A jet without any other particle has neither η nor φ.

    Raises:
        UserError: FastJet is not installed.
    """
    values = dict(zip((PT, ETA, PHI, MASS), summed(jets), strict=True))
    values |= dict(zip((TAU21, TAU32, D2), _substructure(jets), strict=True))
    values[MULTIPLICITY] = jets.counts.astype(np.float64)
    return Observables(jets, values)


def summed(jets: JetParticles) -> tuple[Floats, Floats, Floats, Floats]:
    """Return pT, η, φ and mass (N,) of the summed particles."""
    px, py, pz, energy = (jets.per_jet(component) for component in _momenta(jets))
    pt = np.hypot(px, py)
    there = pt > 0
    eta, phi = np.full(len(jets), np.nan), np.full(len(jets), np.nan)
    eta[there] = np.arcsinh(pz[there] / pt[there])
    phi[there] = np.arctan2(py[there], px[there])
    mass = np.sqrt(np.maximum(energy**2 - pt**2 - pz**2, 0.0))
    return pt, eta, phi, mass


def _momenta(jets: JetParticles) -> tuple[Floats, Floats, Floats, Floats]:
    """Return px, py, pz and energy (S,) with the jet axis at η = φ = 0."""
    pt, deta, dphi = jets.pt, jets.deta, jets.dphi
    return pt * np.cos(dphi), pt * np.sin(dphi), pt * np.sinh(deta), pt * np.cosh(deta)


def _substructure(jets: JetParticles) -> Floats:
    """Return τ21, τ32 and D2 (3, N), NaN for jets with fewer than three particles."""
    fastjet = import_fastjet()
    found = np.full((3, len(jets)), np.nan)
    moving = jets.ragged(jets.pt > 0)
    resolved = np.flatnonzero(ak.to_numpy(ak.sum(moving, axis=1)) >= MIN_PARTICLES)
    if not len(resolved):
        return found
    momenta = ak.zip(dict(zip(("px", "py", "pz", "E"), map(jets.ragged, _momenta(jets)), strict=True)))
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, WHOLE_JET)
    clusters = fastjet.ClusterSequence(momenta[moving][resolved], definition)
    tau = clusters.njettiness("NormalizedMeasure", "KT_Axes", [1, 2, 3], beta=BETA, R0=R0)
    tau1, tau2, tau3 = np.asarray(tau, np.float64).reshape(len(resolved), 3).T
    found[0, resolved] = _ratio(tau2, tau1)
    found[1, resolved] = _ratio(tau3, tau2)
    found[2, resolved] = np.asarray(clusters.exclusive_jets_energy_correlator(1, beta=BETA, func="d2")).ravel()
    return found


def _ratio(above: Floats, below: Floats) -> Floats:
    """Return above / below, NaN where `below` is 0, as for particles in one direction."""
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0), np.float64)
