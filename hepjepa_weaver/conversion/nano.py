"""CMS's PFNano, and NanoAOD from version 15 on: events with jets, candidates, and links between them.

Momenta in GeV, lengths in cm, −1 for "no track", d0 with the opposite sign of JetClass's. `custom_btv_cff.py` and
`jetConstituents_cff.py` of CMSSW make the branches. Shapes: E events, J jets, C particles.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hepjepa_weaver.conversion.cms_vertices import vertices_of
from hepjepa_weaver.conversion.constituents import Floats
from hepjepa_weaver.conversion.event_tree import carried, count_events, event_tree, flat, pieces_of, sizes, starts
from hepjepa_weaver.conversion.generator_labels import labels_of, required_radius
from hepjepa_weaver.conversion.generator_particles import particles_of_events
from hepjepa_weaver.conversion.jet_batch import FileJets, JetBatch
from hepjepa_weaver.conversion.nano_branches import PUPPI, SHAPES, Branches, find_branches
from hepjepa_weaver.conversion.nano_candidates import adds_up_better, linked_candidates, links_of, times
from hepjepa_weaver.conversion.request import Request

TREE = "Events"
RADII = {"FatJet": 0.8, "Jet": 0.4}
EVENTS_AT_ONCE = 2000  # some 100 MB of candidates
D0_ERROR = "PFCands_d0Err"
WEIGHTED, UNWEIGHTED = "four-momenta are multiplied by PUPPI weights", "PUPPI weights are left out: jets add up without"


def count_entries(path: Path) -> int:
    """Return the number of events of a file.

    Raises:
        UserError: the file cannot be read, or has no events.
    """
    return count_events(path, TREE)


def read(path: Path, request: Request) -> Iterator[JetBatch]:
    """Yield the jets of a file, `EVENTS_AT_ONCE` events at a time.

    Raises:
        UserError: the file cannot be read, lacks branches, or links point at no candidate. Also if a code of a particle
            is none of CMS's.
    """
    is_weighted: bool | None = None
    with event_tree(path, TREE) as tree:
        branches = find_branches(list(tree.keys()), request, path)
        for events in pieces_of(tree, branches.all(), EVENTS_AT_ONCE, path):
            links, file_jets = links_of(events, branches, path), jets_of(events, branches)
            candidates = linked_candidates(events, links, branches, path)
            if PUPPI in branches.optional:
                weights = np.asarray(flat(events[f"{branches.candidates}_{PUPPI}"])[links.candidate], np.float64)
                if is_weighted is None:
                    is_weighted = adds_up_better(candidates, weights, file_jets)
                candidates = times(candidates, weights) if is_weighted else candidates
            jets = sizes(events[f"{branches.jets}_pt"])
            vertices = None
            if branches.vertices:
                vertices = vertices_of(events, branches.jets, file_jets, required_radius(request, branches.jets, RADII))
            yield JetBatch(
                number=int(jets.sum()),
                constituents=candidates,
                file_jets=file_jets,
                vertices=vertices,
                columns={
                    **shapes_of(events, branches),
                    **generator_jets(events, branches),
                    **generator_labels(events, branches, file_jets, request),
                    **carried(events, branches.columns, f"{branches.jets}_", jets, path),
                },
                entries=len(events),
                notes=() if is_weighted is None else (WEIGHTED if is_weighted else UNWEIGHTED,),
            )


def jets_of(events: Any, branches: Branches) -> FileJets:
    """Return the jets' momenta (J,) before energy corrections, if the file tells them."""
    columns = {name: np.asarray(flat(events[f"{branches.jets}_{name}"]), np.float64) for name in branches.of_jets}
    pt, said_by, is_raw = columns["pt"], f"{branches.jets}_pt", "rawFactor" in columns
    if is_raw:
        pt = pt * (1 - columns["rawFactor"])
        said_by += f" × (1 − {branches.jets}_rawFactor)"
    return FileJets(pt, columns["eta"], columns["phi"], is_raw, said_by)


def shapes_of(events: Any, branches: Branches) -> dict[str, Floats]:
    """Return jet_sdmass and jet_tau1 to jet_tau4 (J,), as far as the file has them.

    A soft-drop mass below 0 is rounding, or a fill for "none", and becomes 0.
    """
    found = {SHAPES[name]: flat(events[f"{branches.jets}_{name}"]) for name in SHAPES if name in branches.of_jets}
    if "jet_sdmass" in found:
        found["jet_sdmass"] = np.maximum(found["jet_sdmass"], 0)
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def generator_jets(events: Any, branches: Branches) -> dict[str, Floats]:
    """Return jet_gen_pt and jet_gen_mass (J,) in GeV, NaN for jets without a generator-level jet; nothing for data."""
    if not branches.generator_jets:
        return {}
    link, *names = branches.generator_jets
    numbers = sizes(events[names[0]])
    own, first = flat(events[link]), starts(numbers)
    event = np.repeat(np.arange(len(numbers)), sizes(events[link]))
    is_known = (own >= 0) & (own < numbers[event])
    place = (first[event] + own)[is_known]
    found = {}
    for column, name in zip(("jet_gen_pt", "jet_gen_mass"), names, strict=True):
        values = np.full(len(own), np.nan, np.float32)
        values[is_known] = flat(events[name])[place]
        found[column] = values
    return found


def generator_labels(events: Any, branches: Branches, jets: FileJets, request: Request) -> dict[str, Any]:
    """Return the columns (J,) of labels; nothing for collision data.

    Raises:
        UserError: the radius of the jets is not known.
    """
    if not branches.generator:
        return {}
    particles = particles_of_events(*(events[name] for name in branches.generator))
    number = sizes(events[f"{branches.jets}_pt"])
    jet_event = np.repeat(np.arange(len(number)), number)
    return labels_of(jets, jet_event, particles, required_radius(request, branches.jets, RADII))
