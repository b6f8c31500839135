"""Generator particles of events: mothers, copies, and what decayed into what. Shapes: E events, G particles."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hepjepa_weaver.conversion.constituents import Bools, Floats, Ints
from hepjepa_weaver.conversion.event_tree import flat, sizes, starts

TOP, Z, W, H = 6, 23, 24, 25
RESONANCES = (TOP, Z, W, H)
B, C, TAU, GLUON = 5, 4, 15, 21
QUARKS, LEPTONS, NEUTRINOS = (1, 2, 3, 4, 5), (11, 13), (12, 14, 16)
PRODUCTS = (*QUARKS, *LEPTONS, TAU, *NEUTRINOS, GLUON)
OUTGOING = 23
"""Status code of Pythia 8 for outgoing particles of the hard process and of decays of resonances."""
BEFORE_THE_HARD_PROCESS = (*QUARKS, GLUON, 22, 11, 13, 15, 2212)
"""Mothers of partons that do not come from a decay: partons, photons, leptons and protons."""
LIGHTEST_HADRON = 100
"""PDG codes below are of no hadron."""
FURTHEST = 1000
"""Largest number of copies of a particle in a record."""


@dataclass(frozen=True)
class GeneratorParticles:
    """Generator particles (G,) of some events.

    Attributes:
        event: event of each.
        pdg_id: PDG codes.
        status: Pythia 8's status codes, without sign.
        mother: place of the mother, -1 without one.
        pt: GeV.
        eta: pseudorapidity.
        phi: azimuth.
    """

    event: Ints
    pdg_id: Ints
    status: Ints
    mother: Ints
    pt: Floats
    eta: Floats
    phi: Floats


def particles_of_events(pdg_id: Any, status: Any, mother: Any, pt: Any, eta: Any, phi: Any) -> GeneratorParticles:
    """Return the particles of E events from ragged columns; mothers are counted in each event, negative without one."""
    number = sizes(pdg_id)
    event = np.repeat(np.arange(len(number)), number)
    place = flat(mother)
    place = np.where(place < 0, -1, place + starts(number)[event])
    return GeneratorParticles(event, flat(pdg_id), np.abs(flat(status)), place, flat(pt), flat(eta), flat(phi))


@dataclass(frozen=True)
class Decays:
    """Decay products (D,) of resonances; a product of a W from a top quark stands there twice, once for each.

    Attributes:
        resonance: place of the resonance among the generator particles: of its first copy.
        product: place of the product.
    """

    resonance: Ints
    product: Ints


def decays_of(particles: GeneratorParticles) -> Decays:
    """Return the decay products of all resonances, copies of the resonances left out."""
    code, mother = np.abs(particles.pdg_id), particles.mother
    is_resonance = np.isin(code, RESONANCES)
    is_product = ~is_resonance & (mother >= 0) & is_resonance[mother] & np.isin(code, PRODUCTS)
    # Gluons that a top quark radiates have it as their mother and, in NanoAOD, so have the quarks that these become.
    is_radiated = ((code == GLUON) & (code[mother] != H)) | (
        np.isin(code, QUARKS) & (code[mother] == TOP) & (particles.status != OUTGOING)
    )
    product = np.flatnonzero(is_product & ~is_radiated)
    found_resonance, found_product, place = [], [], mother[product]
    while len(product):
        place = first_copy(particles, place)
        found_resonance.append(place)
        found_product.append(product)
        above = mother[place]  # a W from a top quark, or of a Higgs boson
        goes_on = (above >= 0) & is_resonance[above]
        place, product = above[goes_on], product[goes_on]
    empty = np.zeros(0, np.int64)
    return Decays(np.concatenate([empty, *found_resonance]), np.concatenate([empty, *found_product]))


def first_copy(particles: GeneratorParticles, place: Ints) -> Ints:
    """Return the first copy in the record of each particle at `place`."""
    for _ in range(FURTHEST):
        mother = particles.mother[place]
        is_copy = (mother >= 0) & (particles.pdg_id[mother] == particles.pdg_id[place])
        if not is_copy.any():
            break
        place = np.where(is_copy, mother, place)
    return place


def outgoing_partons(particles: GeneratorParticles) -> Bools:
    """Tell which particles (G,) are outgoing quarks and gluons."""
    is_parton = np.isin(np.abs(particles.pdg_id), (*QUARKS, GLUON))
    return np.asarray(is_parton & (particles.status == OUTGOING))


def outgoing_taus(particles: GeneratorParticles) -> Bools:
    """Tell which particles (G,) are the first copy of a τ that no hadron has made, whatever its status."""
    code, mother = np.abs(particles.pdg_id), particles.mother
    above = np.where(mother >= 0, code[mother], 0) if len(code) else code
    return np.asarray((code == TAU) & (above != TAU) & (above < LIGHTEST_HADRON))
