"""Secondary vertices of jets, in the columns `sv_*` of `hepjepa vertices`. Shapes: J jets, V vertices."""

from dataclasses import dataclass, replace
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.conversion.constituents import Bools, Floats, Ints
from hepjepa_weaver.conversion.momenta import Axis, wrapped

COLUMNS = (
    "px", "py", "pz", "energy", "deta", "dphi", "mass", "ntracks", "dxy", "dxysig", "chi2", "costheta",
)  # fmt: skip


@dataclass(frozen=True)
class Vertices:
    """Secondary vertices (V,) of J jets, end to end.

    Attributes:
        jet: the jet of each.
        momenta: px, py, pz and energy (V,) in GeV.
        mass: GeV.
        ntracks: number of tracks.
        dxy: transverse distance to the primary vertex in mm.
        dxysig: that distance over its error.
        chi2: χ² per degree of freedom.
        costheta: cosine of the angle between momentum and flight.
    """

    jet: Ints
    momenta: dict[str, Floats]
    mass: Floats
    ntracks: Floats
    dxy: Floats
    dxysig: Floats
    chi2: Floats
    costheta: Floats

    def chosen(self, which: Any) -> "Vertices":
        """Return the vertices that an index or a mask (V,) chooses."""
        own = {name: value[which] for name, value in vars(self).items() if name != "momenta"}
        return replace(self, **own, momenta={name: value[which] for name, value in self.momenta.items()})


def vertex_columns(vertices: Vertices, axis: Axis, chosen: Bools) -> dict[str, Any]:
    """Return the ragged columns `sv_*` of the `chosen` (J,) jets, the vertex of largest pT first."""
    kept = vertices.chosen(chosen[vertices.jet])
    pt = np.hypot(kept.momenta["px"], kept.momenta["py"])
    order = np.lexsort((-pt, kept.jet))
    kept, pt = kept.chosen(order), pt[order]
    counts = np.bincount(kept.jet, minlength=len(chosen))[chosen]
    jet_eta = axis.eta[kept.jet]
    columns: dict[str, NDArray[Any]] = {
        **kept.momenta,
        "deta": (np.arcsinh(kept.momenta["pz"] / pt) - jet_eta) * np.where(jet_eta >= 0, 1, -1),
        "dphi": wrapped(np.arctan2(kept.momenta["py"], kept.momenta["px"]) - axis.phi[kept.jet]),
        **{name: getattr(kept, name) for name in COLUMNS[6:]},
    }
    return {f"sv_{name}": ak.unflatten(np.asarray(columns[name], np.float32), counts) for name in COLUMNS}
