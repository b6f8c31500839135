"""Labels of jets from generator particles: what decayed inside a jet, and which parton it came from.

A jet has the label of a resonance if all its decay products but neutrinos lie within the jet's radius, as in JetClass
(2202.03772). Shapes: J jets, G generator particles, all events end to end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.constituents import Bools, Floats, Ints
from hepjepa_weaver.conversion.jet_batch import FileJets
from hepjepa_weaver.conversion.momenta import Axis, wrapped
from hepjepa_weaver.conversion.request import Request

CLASSES = (
    "label_QCD", "label_Hbb", "label_Hcc", "label_Hgg", "label_H4q", "label_Hqql", "label_Zqq", "label_Wqq",
    "label_Tbqq", "label_Tbl",
)  # fmt: skip
"""Labels of JetClass. At most one of them is 1."""
FLAVOURS = ("label_light", "label_gluon", "label_b", "label_c", "label_tau")
"""Labels of the parton, or τ, that a jet came from. At most one of them is 1."""
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


def required_radius(request: Request, jets: str, known: Mapping[str, float]) -> float:
    """Return the radius of a collection of jets, from its name if it is not given.

    Args:
        request: may give it.
        jets: name of the collection, such as JetPUPPIAK8.
        known: radii of names without a number.

    Raises:
        UserError: the name tells none.
    """
    found = re.search(r"(?:AK|CA)(\d+)", jets)
    radius = int(found[1]) / 10 if found else known.get(jets)
    if request.radius is not None:
        radius = request.radius
    if radius is None:
        raise UserError(f"the name {jets} does not tell the radius of its jets, which labels need: give --radius")
    return radius


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


@dataclass(frozen=True)
class Decays:
    """Decay products (D,) of resonances; a product of a W from a top quark stands there twice, once for each.

    Attributes:
        resonance: place of the resonance among the generator particles: of its first copy.
        product: place of the product.
    """

    resonance: Ints
    product: Ints


def labels_of(jets: Axis | FileJets, jet_event: Ints, particles: GeneratorParticles, radius: float) -> dict[str, Any]:
    """Return the columns (J,) of CLASSES and FLAVOURS, 0 or 1.

    Args:
        jets: momenta of the jets.
        jet_event: (J,), event of each.
        particles: the generator particles of these events.
        radius: radius of the jets.
    """
    of_resonance, touches = resonance_classes(jets, jet_event, particles, radius)
    of_parton = parton_flavours(jets, jet_event, particles, radius)
    is_qcd = ~touches & only_of_hard_process(jets, jet_event, particles, radius)
    of_class = np.where((of_resonance < 0) & is_qcd, 0, of_resonance)
    columns = {name: of_class == place for place, name in enumerate(CLASSES)}
    columns |= {name: of_parton == place for place, name in enumerate(FLAVOURS)}
    return {name: values.astype(np.int32) for name, values in columns.items()}


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


def resonance_classes(
    jets: Axis | FileJets, jet_event: Ints, particles: GeneratorParticles, radius: float
) -> tuple[Ints, Bools]:
    """Return the place in CLASSES (J,) of the resonance inside each jet, and whether a product of any is inside (J,).

    The place is -1 without a resonance. Of several, top quarks and Higgs bosons go first, and then the largest pT.
    """
    decays, found, touches = decays_of(particles), np.full(len(jets.pt), -1), np.zeros(len(jets.pt), dtype=bool)
    code = np.abs(particles.pdg_id[decays.product])
    resonances, group = np.unique(decays.resonance, return_inverse=True)
    kinds = kinds_of_decays(np.abs(particles.pdg_id[resonances]), group, code)
    seen = np.flatnonzero(~np.isin(code, NEUTRINOS))
    jet, of_seen = pairs(jet_event, particles.event[decays.product[seen]])
    product = seen[of_seen]
    inside = is_near(jets, jet, particles, decays.product[product], radius)
    touches[jet[inside]] = True
    key, pair = np.unique(jet * max(len(resonances), 1) + group[product], return_inverse=True)
    pair_jet, pair_group = np.divmod(key, max(len(resonances), 1))
    n_inside = np.bincount(pair, inside, minlength=len(key))
    n_seen = np.bincount(group[seen], minlength=len(resonances))
    matched = np.flatnonzero((n_inside == n_seen[pair_group]) & (kinds[pair_group] >= 0))
    goes_first = np.isin(np.abs(particles.pdg_id[resonances]), (TOP, H))[pair_group[matched]]
    order = matched[np.lexsort((particles.pt[resonances][pair_group[matched]], goes_first))]
    found[pair_jet[order]] = kinds[pair_group[order]]  # of several, the last one stays
    return found, touches


def kinds_of_decays(resonance: Ints, group: Ints, product: Ints) -> Ints:
    """Return the place in CLASSES of R decays, -1 for those that JetClass does not have.

    Args:
        resonance: (R,), codes of the resonances without sign.
        group: (D,), the decay of each product.
        product: (D,), codes of the products without sign.
    """

    def count(*codes: int) -> Ints:
        return np.bincount(group, np.isin(product, codes), minlength=len(resonance)).astype(np.int64)

    quarks, leptons, every = count(*QUARKS), count(*LEPTONS), np.bincount(group, minlength=len(resonance))
    leptonic = (leptons == 1) & (count(*NEUTRINOS) == 1)
    conditions = {
        "label_Hbb": (resonance == H) & (count(B) == 2) & (every == 2),
        "label_Hcc": (resonance == H) & (count(C) == 2) & (every == 2),
        "label_Hgg": (resonance == H) & (count(GLUON) == 2) & (every == 2),
        "label_H4q": (resonance == H) & (quarks == 4) & (every == 4),
        "label_Hqql": (resonance == H) & (quarks == 2) & leptonic & (every == 4),
        "label_Zqq": (resonance == Z) & (quarks == 2) & (every == 2),
        "label_Wqq": (resonance == W) & (quarks == 2) & (every == 2),
        "label_Tbqq": (resonance == TOP) & (quarks == 3) & (every == 3),
        "label_Tbl": (resonance == TOP) & (quarks == 1) & leptonic & (every == 3),
    }
    kinds = np.full(len(resonance), -1)
    for name, fulfilled in conditions.items():
        kinds[fulfilled] = CLASSES.index(name)
    return kinds


def only_of_hard_process(jets: Axis | FileJets, jet_event: Ints, particles: GeneratorParticles, radius: float) -> Bools:
    """Tell which jets (J,) hold an outgoing quark or gluon, and none, nor a lepton, that comes from a decay."""
    code, mother = np.abs(particles.pdg_id), particles.mother
    from_decay = (mother >= 0) & ~np.isin(code[mother], BEFORE_THE_HARD_PROCESS)
    is_parton = np.isin(code, (*QUARKS, GLUON)) & (particles.status == OUTGOING)
    has_parton, has_decay = np.zeros((2, len(jets.pt)), dtype=bool)
    for found, which in (
        (has_parton, is_parton & ~from_decay),
        (has_decay, from_decay & (is_parton | (np.isin(code, LEPTONS) & (particles.status == OUTGOING)))),
        (has_decay, outgoing_taus(particles)),
    ):
        place = np.flatnonzero(which)
        jet, of_place = pairs(jet_event, particles.event[place])
        found[jet[is_near(jets, jet, particles, place[of_place], radius)]] = True
    return np.asarray(has_parton & ~has_decay)


def outgoing_taus(particles: GeneratorParticles) -> Bools:
    """Tell which particles (G,) are the first copy of a τ that no hadron has made, whatever its status."""
    code, mother = np.abs(particles.pdg_id), particles.mother
    above = np.where(mother >= 0, code[mother], 0) if len(code) else code
    return np.asarray((code == TAU) & (above != TAU) & (above < LIGHTEST_HADRON))


def parton_flavours(jets: Axis | FileJets, jet_event: Ints, particles: GeneratorParticles, radius: float) -> Ints:
    """Return the place in FLAVOURS (J,) of the outgoing parton or τ inside each jet, -1 without one.

    Of several, b quarks go first, then c quarks and τ, and then the largest pT.
    """
    code, found = np.abs(particles.pdg_id), np.full(len(jets.pt), -1)
    is_parton = (particles.status == OUTGOING) & np.isin(code, (*QUARKS, GLUON))
    parton = np.flatnonzero(is_parton | outgoing_taus(particles))
    jet, of_parton = pairs(jet_event, particles.event[parton])
    parton = parton[of_parton]
    inside = is_near(jets, jet, particles, parton, radius)
    jet, parton = jet[inside], parton[inside]
    flavour = np.zeros(len(parton), np.int64)
    rank = np.zeros(len(parton), np.int64)
    for value, name, goes_first in ((GLUON, "gluon", 0), (TAU, "tau", 1), (C, "c", 2), (B, "b", 3)):
        flavour[code[parton] == value] = FLAVOURS.index(f"label_{name}")
        rank[code[parton] == value] = goes_first
    order = np.lexsort((particles.pt[parton], rank))
    found[jet[order]] = flavour[order]
    return found


def pairs(jet_event: Ints, event: Ints) -> tuple[Ints, Ints]:
    """Return all pairs of a jet and an object of one event, as places of both.

    Args:
        jet_event: (J,), the event of each jet, ascending.
        event: the event of each object.
    """
    first, last = np.searchsorted(jet_event, event, "left"), np.searchsorted(jet_event, event, "right")
    number = last - first
    place = np.repeat(np.arange(len(event)), number)
    within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    return first[place] + within, place


def is_near(jets: Axis | FileJets, jet: Ints, particles: GeneratorParticles, particle: Ints, radius: float) -> Bools:
    """Tell which pairs of a jet and a generator particle, given as places, are closer in ΔR than `radius`."""
    delta_eta = jets.eta[jet] - particles.eta[particle]
    delta_phi = wrapped(jets.phi[jet] - particles.phi[particle])
    return np.asarray(np.hypot(delta_eta, delta_phi) < radius)
