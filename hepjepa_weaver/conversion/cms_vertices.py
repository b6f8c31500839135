"""Secondary vertices of CMS's NanoAOD, of the table SV. Lengths in cm, and pAngle is π minus the angle of flight.

Shapes: E events, J jets, V vertices.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from hepjepa_weaver.conversion.cms import CM_TO_MM
from hepjepa_weaver.conversion.constituents import Ints, massive
from hepjepa_weaver.conversion.event_tree import flat, require_branches, sizes, starts
from hepjepa_weaver.conversion.jet_batch import FileJets
from hepjepa_weaver.conversion.matching import pairs
from hepjepa_weaver.conversion.momenta import wrapped
from hepjepa_weaver.conversion.vertices import Vertices

VERTEX = tuple(f"SV_{name}" for name in ("pt", "eta", "phi", "mass", "ntracks", "dxy", "dxySig", "chi2", "pAngle"))


def vertex_branches(known: Collection[str], jets: str, path: Path) -> tuple[str, ...]:
    """Return the branches of vertices, with those of links to jets where the file has them.

    Raises:
        UserError: a branch of vertices is missing.
    """
    require_branches(path, [name for name in VERTEX if name not in known], "CMS with secondary vertices")
    links = (f"{jets}SVs_jetIdx", f"{jets}SVs_sVIdx")
    return (*VERTEX, *(links if set(links) <= set(known) else ()))


def vertices_of(events: Any, jets: str, file_jets: FileJets, radius: float) -> Vertices:
    """Return the vertices of the jets of E events.

    Links tell the jet of a vertex. Those to a vertex outside the table SV, which has no direction, are left out.
    Without links, a vertex belongs to the jets that are closer in ΔR than `radius`.
    """
    number = sizes(events["SV_pt"])
    if f"{jets}SVs_sVIdx" in events.fields:
        jet, vertex = _linked(events, jets, number)
    else:
        jet_event = np.repeat(np.arange(len(number)), sizes(events[f"{jets}_pt"]))
        jet, vertex = pairs(jet_event, np.repeat(np.arange(len(number)), number))
        delta_eta = flat(events["SV_eta"])[vertex] - file_jets.eta[jet]
        inside = np.hypot(delta_eta, wrapped(flat(events["SV_phi"])[vertex] - file_jets.phi[jet])) < radius
        jet, vertex = jet[inside], vertex[inside]
    column = {name.removeprefix("SV_"): np.asarray(flat(events[name]), np.float64)[vertex] for name in VERTEX}
    return Vertices(
        jet=jet,
        momenta=massive(*(column[name] for name in ("pt", "eta", "phi", "mass"))),
        mass=np.maximum(column["mass"], 0),
        ntracks=column["ntracks"],
        dxy=column["dxy"] * CM_TO_MM,
        dxysig=column["dxySig"],
        chi2=column["chi2"],
        costheta=-np.cos(column["pAngle"]),
    )


def _linked(events: Any, jets: str, number: Ints) -> tuple[Ints, Ints]:
    links = events[f"{jets}SVs_jetIdx"]
    event = np.repeat(np.arange(len(number)), sizes(links))
    jet, vertex = flat(links), flat(events[f"{jets}SVs_sVIdx"])
    linked = (jet >= 0) & (vertex >= 0) & (vertex < number[event])
    of_jets = starts(sizes(events[f"{jets}_pt"]))
    return (of_jets[event] + jet)[linked], (starts(number)[event] + vertex)[linked]
