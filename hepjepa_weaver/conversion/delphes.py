"""Delphes: events with jets whose constituents are references to particle-flow candidates. GeV and mm.

A reference is ROOT's unique id of an object, fUniqueID. Codes of candidates are those of the true particles, and 0 for
calorimeter towers. DZ is absolute, so that the primary vertex is subtracted. Shapes: E events, J jets, C particles.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.constituents import Constituents, Floats, Ints, kinds_by_charge, massive, tracks_in_mm
from hepjepa_weaver.conversion.event_tree import (
    carried,
    count_events,
    event_tree,
    flat,
    pieces_of,
    refuse_vertices,
    require_branches,
    sizes,
)
from hepjepa_weaver.conversion.generator_labels import labels_of, required_radius
from hepjepa_weaver.conversion.generator_particles import (
    LIGHTEST_HADRON,
    OUTGOING,
    GeneratorParticles,
    particles_of_events,
)
from hepjepa_weaver.conversion.jet_batch import FileJets, JetBatch
from hepjepa_weaver.conversion.momenta import Axis
from hepjepa_weaver.conversion.request import Request

TREE = "Delphes"
EVENTS_AT_ONCE = 500
JETS = "JetPUPPIAK8"
CANDIDATES = "ParticleFlowCandidate"
D0_ERROR = f"{CANDIDATES}.ErrorD0"
MM = 1.0
TRACKS = {"D0": "d0", "ErrorD0": "d0_error", "DZ": "dz", "ErrorDZ": "dz_error"}
OF_CANDIDATES = ("fUniqueID", "PID", "Charge", "PT", "Eta", "Phi", "E", *TRACKS)
MOMENTUM = ("PT", "Eta", "Phi", "Mass")
ANGLE_LIMIT = 0.1
OF_JETS = (*MOMENTUM, "Constituents", "Tau[5]", "SoftDroppedP4[5]")
GENERATED = "Particle"
OF_GENERATED = ("PID", "Status", "M1", "PT", "Eta", "Phi")
NO_LABELS = "no labels: generator particles are not in the file, or without their mothers"
VERTEX, EVENT = "Vertex.Z", "Event.Number"


def count_entries(path: Path) -> int:
    """Return the number of events of a file.

    Raises:
        UserError: the file cannot be read, or has no events.
    """
    return count_events(path, TREE)


def read(path: Path, request: Request) -> Iterator[JetBatch]:
    """Yield the jets of a file, `EVENTS_AT_ONCE` events at a time.

    Raises:
        UserError: the file cannot be read or lacks branches, or a jet refers to something else than candidates.
    """
    refuse_vertices(request, "Delphes")
    jets = request.jets or JETS
    names = [f"{CANDIDATES}.{name}" for name in OF_CANDIDATES] + [f"{jets}.{name}" for name in OF_JETS]
    with event_tree(path, TREE) as tree:
        known = {key.rpartition("/")[2]: key for key in tree.keys()}  # noqa: SIM118 - a tree is no mapping
        truth = [f"{GENERATED}.{name}" for name in OF_GENERATED]
        optional = [*([EVENT] if EVENT in known else []), *(truth if set(truth) <= set(known) else [])]
        names = list(dict.fromkeys([*names, VERTEX, *optional, *request.columns]))
        require_branches(path, [name for name in names if name not in known], "Delphes with particle flow")
        with_labels: bool | None = None
        for read in pieces_of(tree, [known[name] for name in names], EVENTS_AT_ONCE, path):
            events = {name: read[known[name]] for name in names}
            if with_labels is None:
                with_labels = set(truth) <= set(events) and has_mothers(events)
            yield batch_of(events, jets, request, path, with_labels)


def batch_of(events: dict[str, Any], jets: str, request: Request, path: Path, with_labels: bool) -> JetBatch:
    """Return the jets of E events, with labels if generator particles tell them."""
    number = sizes(events[f"{jets}.PT"])
    pt, eta, phi, mass = (np.asarray(flat(events[f"{jets}.{name}"]), np.float64) for name in MOMENTUM)
    axis = Axis(pt, eta, phi, massive(pt, eta, phi, mass)["energy"])
    columns = {
        "jet_sdmass": soft_drop_mass(flat(events[f"{jets}.SoftDroppedP4[5]"])),
        **{f"jet_tau{n + 1}": values for n, values in enumerate(flat(events[f"{jets}.Tau[5]"])[:, :4].T)},
    }
    if EVENT in events:
        columns["event"] = np.repeat(flat(events[EVENT]).astype(np.int64), number)
    if with_labels:
        jet_event = np.repeat(np.arange(len(number)), number)
        columns |= labels_of(axis, jet_event, generated(events, path), required_radius(request, jets, {}))
    return JetBatch(
        number=int(number.sum()),
        constituents=candidates_of(events, jets, path),
        file_jets=FileJets(pt, eta, phi, True, f"{jets}.PT", ANGLE_LIMIT),
        axis=axis,
        columns={**columns, **carried(ak.zip(events, depth_limit=1), request.columns, f"{jets}.", number, path)},
        entries=len(number),
        notes=() if with_labels else (NO_LABELS,),
    )


def candidates_of(events: dict[str, Any], jets: str, path: Path) -> Constituents:
    """Return the candidates that the jets of E events refer to.

    Raises:
        UserError: a jet refers to something else.
    """
    references = events[f"{jets}.Constituents"].refs
    of_jet = np.asarray(ak.flatten(ak.num(references, axis=2)))
    jet = np.repeat(np.arange(len(of_jet)), of_jet)
    jet_event = np.repeat(np.arange(len(references)), sizes(events[f"{jets}.PT"]))
    wanted = np.asarray(ak.flatten(references, axis=None), np.int64)
    ids = events[f"{CANDIDATES}.fUniqueID"]
    place = find(ids, wanted, jet_event[jet])
    if (place < 0).any():
        raise UserError(f"{path}: {int((place < 0).sum())} constituents of {jets} are no {CANDIDATES}: give a "
                        "collection that was made of them as --jets")  # fmt: skip

    def column(name: str) -> Any:
        return flat(events[f"{CANDIDATES}.{name}"])[place]

    charge = column("Charge")
    first_vertex = np.asarray(ak.fill_none(ak.firsts(events[VERTEX]), 0.0), np.float64)
    lengths = {own: np.asarray(column(name), np.float64) for name, own in TRACKS.items()}
    lengths["dz"] = lengths["dz"] - first_vertex[jet_event[jet]]
    pt, eta, phi = (np.asarray(column(name), np.float64) for name in ("PT", "Eta", "Phi"))
    return Constituents(
        jet,
        px=pt * np.cos(phi),
        py=pt * np.sin(phi),
        pz=pt * np.sinh(eta),
        energy=np.asarray(column("E"), np.float64),
        charge=charge,
        kind=kinds_by_charge(column("PID"), charge),
        tracks=tracks_in_mm(lengths, MM, d0_sign=1, has_track=charge != 0),
    )


def find(ids: Any, wanted: Ints, event: Ints) -> Ints:
    """Return the places (C,) of objects, counted over all events; -1 for objects that are not there.

    Args:
        ids: (E, ragged), unique ids of the objects of each event.
        wanted: (C,), ids to look for.
        event: (C,), the event of each.
    """
    all_ids = flat(ids).astype(np.int64)
    of_event = np.repeat(np.arange(len(ids)), sizes(ids))
    order = np.lexsort((all_ids, of_event))
    size = max(all_ids.max(initial=0), wanted.max(initial=0)) + 1
    keys, key = (of_event * size + all_ids)[order], event * size + wanted
    if not len(keys):
        return np.full(len(wanted), -1)
    nearest = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    return np.where(keys[nearest] == key, order[nearest], -1)


def soft_drop_mass(momenta: Any) -> Floats:
    """Return the masses (J,) in GeV of the first of five four-momenta (J, 5); mass² below 0 is rounding."""
    first = momenta[:, 0]
    p, energy = first["fP"], first["fE"]
    squared = np.asarray(energy**2 - p["fX"] ** 2 - p["fY"] ** 2 - p["fZ"] ** 2, np.float64)
    return np.sqrt(np.maximum(squared, 0)).astype(np.float32)


def generated(events: dict[str, Any], path: Path) -> GeneratorParticles:
    """Return the generator particles of E events.

    Raises:
        UserError: a mother is not there.
    """
    if not has_mothers(events):
        raise UserError(f"{path}: mothers of {GENERATED} are not among the particles of later events, and were of the "
                        "first: convert with a card that keeps all generator particles")  # fmt: skip
    return particles_of_events(*(events[f"{GENERATED}.{name}"] for name in OF_GENERATED))


def has_mothers(events: dict[str, Any]) -> bool:
    """Tell whether M1 counts the particles that are there.

    It does not where the card of Delphes has filtered them: M1 then counts those of before.
    """
    mother, code = events[f"{GENERATED}.M1"], np.abs(events[f"{GENERATED}.PID"])
    if not ak.all(mother < ak.num(mother)):
        return False
    products = (mother >= 0) & (code == 5) & (events[f"{GENERATED}.Status"] == OUTGOING)
    above = code[mother[products]]
    return bool(ak.all((above < LIGHTEST_HADRON) | (above > 1_000_000) | (above == 2212)))
