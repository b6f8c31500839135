"""CMS's PFNano, and NanoAOD from version 15 on: events with jets, candidates, and links between them.

Momenta in GeV, lengths in cm, −1 for "no track", d0 with the opposite sign of JetClass's. `custom_btv_cff.py` and
`jetConstituents_cff.py` of CMSSW make the branches. Shapes: E events, J jets, C particles.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.constituents import (
    UNKNOWN,
    Constituents,
    Floats,
    Ints,
    charges_of_cms,
    kinds_of_cms,
    massive,
    tracks_in_mm,
)
from hepjepa_weaver.conversion.event_tree import carried, event_tree, first_of, flat, require_branches, sizes, starts
from hepjepa_weaver.conversion.generator_labels import GeneratorParticles, labels_of, required_radius
from hepjepa_weaver.conversion.jet_batch import FileJets, JetBatch
from hepjepa_weaver.conversion.momenta import sum_of
from hepjepa_weaver.conversion.request import Request

TREE = "Events"
EVENTS_AT_ONCE = 2000  # some 100 MB of candidates
JETS = "FatJet"
D0_ERROR = "PFCands_d0Err"
CM_TO_MM = 10.0
CANDIDATES = ("PFCands", "PFCand")
INDICES = ("pFCandsIdx", "pfCandIdx")
KINEMATICS = ("pt", "eta", "phi", "mass", "pdgId")
TRACKS = {"d0": "d0", "d0Err": "d0_error", "dz": "dz", "dzErr": "dz_error"}
PUPPI = "puppiWeight"
OPTIONAL = ("charge", PUPPI, *TRACKS)
SHAPES = {"msoftdrop": "jet_sdmass", **{f"tau{n}": f"jet_tau{n}" for n in range(1, 5)}}
GENERATOR = ("GenPart_pdgId", "GenPart_status", "GenPart_genPartIdxMother", "GenPart_pt", "GenPart_eta", "GenPart_phi")
OF_JETS = ("pt", "eta", "phi", "rawFactor", *SHAPES)
EVENT = ("run", "luminosityBlock", "event")
WEIGHTED, UNWEIGHTED = "four-momenta are multiplied by PUPPI weights", "PUPPI weights are left out: jets add up without"


@dataclass(frozen=True)
class Branches:
    """Names of the branches of a file.

    Attributes:
        jets: collection of jets.
        candidates: collection of candidates.
        jet_index: the jet of each link.
        candidate_index: the candidate of each link.
        optional: branches of candidates that the file has besides KINEMATICS.
        of_jets: branches of jets that the file has.
        generator: branches of generator particles that the file has: all that labels need, or none.
        columns: branches to carry over.
    """

    jets: str
    candidates: str
    jet_index: str
    candidate_index: str
    optional: tuple[str, ...]
    of_jets: tuple[str, ...]
    generator: tuple[str, ...]
    columns: tuple[str, ...]

    def all(self) -> list[str]:
        """Return the names of all of them."""
        of_candidates = [f"{self.candidates}_{name}" for name in (*KINEMATICS, *self.optional)]
        of_jets = [f"{self.jets}_{name}" for name in self.of_jets]
        return list(
            dict.fromkeys(
                [self.jet_index, self.candidate_index, *of_candidates, *of_jets, *self.generator, *self.columns]
            )
        )


def count_entries(path: Path) -> int:
    """Return the number of events of a file.

    Raises:
        UserError: the file cannot be read, or has no events.
    """
    with event_tree(path, TREE) as tree:
        return int(tree.num_entries)


def read(path: Path, request: Request) -> Iterator[JetBatch]:
    """Yield the jets of a file, `EVENTS_AT_ONCE` events at a time.

    Raises:
        UserError: the file cannot be read, lacks branches, or links point at no candidate. Also if a code of a particle
            is none of CMS's.
    """
    is_weighted: bool | None = None
    with event_tree(path, TREE) as tree:
        branches = find_branches(list(tree.keys()), request, path)
        for start in range(0, tree.num_entries, EVENTS_AT_ONCE):
            stop = min(start + EVENTS_AT_ONCE, tree.num_entries)
            events = tree.arrays(branches.all(), entry_start=start, entry_stop=stop)
            links, file_jets = links_of(events, branches, path), jets_of(events, branches)
            candidates = linked_candidates(events, links, branches, path)
            if PUPPI in branches.optional:
                weights = np.asarray(flat(events[f"{branches.candidates}_{PUPPI}"])[links.candidate], np.float64)
                if is_weighted is None and len(file_jets.pt):
                    is_weighted = adds_up_better(candidates, weights, file_jets)
                candidates = times(candidates, weights) if is_weighted else candidates
            jets = sizes(events[f"{branches.jets}_pt"])
            yield JetBatch(
                number=int(jets.sum()),
                constituents=candidates,
                file_jets=file_jets,
                columns={
                    **shapes_of(events, branches),
                    **generator_labels(events, branches, file_jets, request),
                    **carried(events, branches.columns, jets, path),
                },
                entries=stop - start,
                notes=() if is_weighted is None else (WEIGHTED if is_weighted else UNWEIGHTED,),
            )


def find_branches(known: Sequence[str], request: Request, path: Path) -> Branches:
    """Return the names of the branches among those that a file has.

    Raises:
        UserError: some are missing; the message names all of them.
    """
    jets = request.jets or JETS
    candidates = first_of(known, [f"{name}_pdgId" for name in CANDIDATES])
    of_candidates = candidates.removesuffix("_pdgId") if candidates else CANDIDATES[0]
    links = f"{jets}{of_candidates}"
    index = first_of(known, [f"{links}_{name}" for name in INDICES]) or f"{links}_{INDICES[0]}"
    optional = tuple(name for name in OPTIONAL if f"{of_candidates}_{name}" in known)
    if not set(TRACKS) <= set(optional):
        optional = tuple(name for name in optional if name not in TRACKS)
    of_jets = tuple(name for name in OF_JETS if f"{jets}_{name}" in known)
    generator = GENERATOR if set(GENERATOR) <= set(known) else ()
    columns = tuple(dict.fromkeys([*(name for name in EVENT if name in known), *request.columns]))
    found = Branches(jets, of_candidates, f"{links}_jetIdx", index, optional, of_jets, generator, columns)
    required = [*found.all(), *(f"{jets}_{name}" for name in ("pt", "eta", "phi"))]
    require_branches(path, list(dict.fromkeys(name for name in required if name not in known)), "PFNano or NanoAOD")
    return found


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
    kind = kinds_of_cms(pdg_id)
    if (kind == UNKNOWN).any():
        codes = ", ".join(str(code) for code in np.unique(pdg_id[kind == UNKNOWN])[:10])
        raise UserError(f"{path}: {branches.candidates}_pdgId holds {codes}, none of CMS's particle-flow codes")
    charge = column("charge") if "charge" in branches.optional else charges_of_cms(pdg_id)
    tracks = None
    if set(TRACKS) <= set(branches.optional):
        columns = {own: column(name) for name, own in TRACKS.items()}
        tracks = tracks_in_mm(columns, CM_TO_MM, d0_sign=-1, has_track=charge != 0)
    momenta = massive(*(column(name) for name in ("pt", "eta", "phi", "mass")))
    return Constituents(links.jet, **momenta, charge=charge, kind=kind, tracks=tracks)


def jets_of(events: Any, branches: Branches) -> FileJets:
    """Return the jets' momenta (J,) before energy corrections, if the file tells them."""
    columns = {name: np.asarray(flat(events[f"{branches.jets}_{name}"]), np.float64) for name in branches.of_jets}
    pt, said_by, is_raw = columns["pt"], f"{branches.jets}_pt", "rawFactor" in columns
    if is_raw:
        pt = pt * (1 - columns["rawFactor"])
        said_by += f" × (1 − {branches.jets}_rawFactor)"
    return FileJets(pt, columns["eta"], columns["phi"], is_raw, said_by)


def adds_up_better(candidates: Constituents, weights: Floats, jets: FileJets) -> bool:
    """Tell whether candidates with PUPPI weights (L,) add up to their jets better than without.

    Jets of AK4 are made without the weights in Run 2, and with them later.
    """
    found = (jets.pt > 0) & (candidates.counts(len(jets.pt)) > 0)
    with_weights, without = (
        np.median(np.abs(sum_of(parts, len(jets.pt)).pt[found] / jets.pt[found] - 1))
        for parts in (times(candidates, weights), candidates)
    )
    return bool(with_weights <= without)


def times(candidates: Constituents, weights: Floats) -> Constituents:
    """Return the candidates with four-momenta multiplied by weights (L,)."""
    momenta = {name: getattr(candidates, name) * weights for name in ("px", "py", "pz", "energy")}
    return replace(candidates, **momenta)


def shapes_of(events: Any, branches: Branches) -> dict[str, Floats]:
    """Return jet_sdmass and jet_tau1 to jet_tau4 (J,), as far as the file has them.

    A soft-drop mass below 0 is rounding, or a fill for "none", and becomes 0.
    """
    found = {SHAPES[name]: flat(events[f"{branches.jets}_{name}"]) for name in SHAPES if name in branches.of_jets}
    if "jet_sdmass" in found:
        found["jet_sdmass"] = np.maximum(found["jet_sdmass"], 0)
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def generator_labels(events: Any, branches: Branches, jets: FileJets, request: Request) -> dict[str, Any]:
    """Return the columns (J,) of labels; nothing for collision data.

    Raises:
        UserError: the radius of the jets is not known.
    """
    if not branches.generator:
        return {}
    number = sizes(events["GenPart_pdgId"])
    event = np.repeat(np.arange(len(number)), number)
    mother = flat(events["GenPart_genPartIdxMother"])
    particles = GeneratorParticles(
        event=event,
        pdg_id=flat(events["GenPart_pdgId"]),
        status=np.abs(flat(events["GenPart_status"])),
        mother=np.where(mother < 0, -1, mother + starts(number)[event]),
        pt=flat(events["GenPart_pt"]),
        eta=flat(events["GenPart_eta"]),
        phi=flat(events["GenPart_phi"]),
    )
    jet_event = np.repeat(np.arange(len(number)), sizes(events[f"{branches.jets}_pt"]))
    return labels_of(jets, jet_event, particles, required_radius(request, branches.jets))
