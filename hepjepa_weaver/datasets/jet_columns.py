"""Conversion of ragged particles to the columns of weaver's parquet files for top and quark/gluon tagging.

Shapes: N jets, P particles per jet (ragged). Momenta and energies in GeV.
"""

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np


def jet_columns(momenta: Any, label: Any, extra: Mapping[str, Any] | None = None) -> Any:
    """Return one record per jet: label, jet_*, and the particles by falling pT as `part_*`.

    The jet's momentum is the sum of its particles' momenta. part_deta is (η − η_jet)·sign(η_jet), with sign 1 at 0.
    part_dphi lies in [−π, π).

    Args:
        momenta: records (N, P) with px, py, pz, energy.
        label: (N,).
        extra: further columns (N, P), written as `part_` + name.

    Raises:
        ValueError: a jet has no particles, and so no direction.
    """
    if len(momenta) and ak.min(ak.num(momenta)) == 0:
        raise ValueError(f"jet {int(ak.argmin(ak.num(momenta)))} has no particles")
    order = ak.argsort(np.hypot(momenta.px, momenta.py), ascending=False, stable=True)
    momenta = momenta[order]
    px, py, pz, energy = (ak.sum(momenta[axis], axis=1) for axis in ("px", "py", "pz", "energy"))
    pt = np.hypot(px, py)
    eta, phi = np.arcsinh(pz / pt), np.arctan2(py, px)
    mass_squared = energy**2 - pt**2 - pz**2
    part_eta = np.arcsinh(momenta.pz / np.hypot(momenta.px, momenta.py))
    part_dphi = np.arctan2(momenta.py, momenta.px) - phi
    columns = {
        "label": label,
        "jet_pt": pt,
        "jet_eta": eta,
        "jet_phi": phi,
        "jet_energy": energy,
        "jet_mass": np.sqrt(np.maximum(mass_squared, 0)),  # rounding can leave a small negative square
        "jet_nparticles": ak.num(momenta),
        **{f"part_{name}": momenta[name] for name in ("px", "py", "pz", "energy")},
        "part_deta": (part_eta - eta) * ak.where(eta >= 0, 1, -1),
        "part_dphi": (part_dphi + np.pi) % (2 * np.pi) - np.pi,
        **{f"part_{name}": column[order] for name, column in (extra or {}).items()},
    }
    return ak.zip({name: ak.values_astype(column, np.float32) for name, column in columns.items()}, depth_limit=1)
