"""The candidates of jets in PFNano and NanoAOD, found by their links. Shapes: J jets, L links."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.cms import CM_TO_MM, cms_charges, required_kinds
from hepjepa_weaver.conversion.constituents import Constituents, Floats, Ints, massive, tracks_in_mm
from hepjepa_weaver.conversion.event_tree import flat, sizes, starts
from hepjepa_weaver.conversion.jet_batch import FileJets
from hepjepa_weaver.conversion.momenta import sum_of
from hepjepa_weaver.conversion.nano_branches import TRACKS, Branches


@dataclass(frozen=True)
class Links:
    """Links (L,) between jets and candidates, both counted over all events: the places of the two ends."""

    jet: Ints
    candidate: Ints


def links_of(events: Any, branches: Branches, path: Path) -> Links:
    """Return the links of E events; those of no jet, with index -1, are left out.

    Raises:
        UserError: a link points at a jet or candidate that is not there.
    """
    event = np.repeat(np.arange(len(events)), sizes(events[branches.jet_index]))
    jets, candidates = sizes(events[f"{branches.jets}_pt"]), sizes(events[f"{branches.candidates}_pt"])
    jet, candidate = flat(events[branches.jet_index]), flat(events[branches.candidate_index])
    linked = jet >= 0
    wrong = linked & ((jet >= jets[event]) | (candidate < 0) | (candidate >= candidates[event]))
    if wrong.any():
        raise UserError(f"{path}: {wrong.sum()} links of {branches.jet_index} and {branches.candidate_index} point at "
                        "jets or candidates that are not there: make the file anew")  # fmt: skip
    return Links((starts(jets)[event] + jet)[linked], (starts(candidates)[event] + candidate)[linked])


def linked_candidates(events: Any, links: Links, branches: Branches, path: Path) -> Constituents:
    """Return the candidate at the end of each link, as it is in the file.

    Raises:
        UserError: a code of a particle is none of CMS's.
    """

    def column(name: str) -> Any:
        return flat(events[f"{branches.candidates}_{name}"])[links.candidate]

    pdg_id = column("pdgId")
    kind = required_kinds(pdg_id, f"{branches.candidates}_pdgId", path)
    charge = column("charge") if "charge" in branches.optional else cms_charges(pdg_id, kind)
    tracks = None
    if set(TRACKS) <= set(branches.optional):
        columns = {own: column(name) for name, own in TRACKS.items()}
        tracks = tracks_in_mm(columns, CM_TO_MM, d0_sign=-1, has_track=charge != 0)
    momenta = massive(*(column(name) for name in ("pt", "eta", "phi", "mass")))
    return Constituents(links.jet, **momenta, charge=charge, kind=kind, tracks=tracks)


def adds_up_better(candidates: Constituents, weights: Floats, jets: FileJets) -> bool | None:
    """Tell whether candidates with PUPPI weights (L,) add up to their jets better than without; None without any.

    Jets of AK4 are made without the weights in Run 2, and with them later.
    """
    found = (jets.pt > 0) & (candidates.counts(len(jets.pt)) > 0)
    if not found.any():
        return None
    with_weights, without = (
        np.median(np.abs(sum_of(parts, len(jets.pt)).pt[found] / jets.pt[found] - 1))
        for parts in (times(candidates, weights), candidates)
    )
    return bool(with_weights <= without)


def times(candidates: Constituents, weights: Floats) -> Constituents:
    """Return the candidates with four-momenta multiplied by weights (L,)."""
    momenta = {name: getattr(candidates, name) * weights for name in ("px", "py", "pz", "energy")}
    return replace(candidates, **momenta)
