"""Labels of jets from generator particles: what decayed inside a jet, and which parton it came from.

A jet has the label of a resonance if all its decay products but neutrinos lie within the jet's radius, as in JetClass
(2202.03772). Shapes: J jets, G generator particles, all events end to end.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.constituents import Bools, Ints
from hepjepa_weaver.conversion.generator_particles import (
    BEFORE_THE_HARD_PROCESS,
    GLUON,
    LEPTONS,
    NEUTRINOS,
    OUTGOING,
    QUARKS,
    TAU,
    TOP,
    B,
    C,
    GeneratorParticles,
    H,
    W,
    Z,
    decays_of,
    outgoing_partons,
    outgoing_taus,
)
from hepjepa_weaver.conversion.jet_batch import FileJets
from hepjepa_weaver.conversion.matching import is_near, pairs
from hepjepa_weaver.conversion.momenta import Axis
from hepjepa_weaver.conversion.request import Request

CLASSES = (
    "label_QCD", "label_Hbb", "label_Hcc", "label_Hgg", "label_H4q", "label_Hqql", "label_Zqq", "label_Wqq",
    "label_Tbqq", "label_Tbl",
)  # fmt: skip
"""Labels of JetClass. At most one of them is 1."""
FLAVOURS = ("label_light", "label_gluon", "label_b", "label_c", "label_tau")
"""Labels of the parton, or τ, that a jet came from. At most one of them is 1."""


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
    inside = is_near(jets, particles, jet, decays.product[product], radius)
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
    is_parton = outgoing_partons(particles)
    has_parton, has_decay = np.zeros((2, len(jets.pt)), dtype=bool)
    for found, which in (
        (has_parton, is_parton & ~from_decay),
        (has_decay, from_decay & (is_parton | (np.isin(code, LEPTONS) & (particles.status == OUTGOING)))),
        (has_decay, outgoing_taus(particles)),
    ):
        place = np.flatnonzero(which)
        jet, of_place = pairs(jet_event, particles.event[place])
        found[jet[is_near(jets, particles, jet, place[of_place], radius)]] = True
    return np.asarray(has_parton & ~has_decay)


def parton_flavours(jets: Axis | FileJets, jet_event: Ints, particles: GeneratorParticles, radius: float) -> Ints:
    """Return the place in FLAVOURS (J,) of the outgoing parton or τ inside each jet, -1 without one.

    Of several, b quarks go first, then c quarks and τ, and then the largest pT.
    """
    code, found = np.abs(particles.pdg_id), np.full(len(jets.pt), -1)
    parton = np.flatnonzero(outgoing_partons(particles) | outgoing_taus(particles))
    jet, of_parton = pairs(jet_event, particles.event[parton])
    parton = parton[of_parton]
    inside = is_near(jets, particles, jet, parton, radius)
    jet, parton = jet[inside], parton[inside]
    flavour = np.zeros(len(parton), np.int64)
    rank = np.zeros(len(parton), np.int64)
    for value, name, goes_first in ((GLUON, "gluon", 0), (TAU, "tau", 1), (C, "c", 2), (B, "b", 3)):
        flavour[code[parton] == value] = FLAVOURS.index(f"label_{name}")
        rank[code[parton] == value] = goes_first
    order = np.lexsort((particles.pt[parton], rank))
    found[jet[order]] = flavour[order]
    return found
