"""The columns of MiniTop and MiniQuarkGluon: those of the published data sets after their conversion."""

from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.datasets.jet_columns import jet_columns
from hepjepa_weaver.datasets.quark_gluon import massless_jets
from hepjepa_weaver.simulation.clustering import Jets
from hepjepa_weaver.simulation.processes import JetProcess

MAX_PARTICLES = 200  # of a jet of the Top Landscape


def top_table(jets: Jets, process: JetProcess) -> Any:
    """Return one record per jet; label 1 is a top jet."""
    parts = jets.constituents
    axes = {"px": parts.px, "py": parts.py, "pz": parts.pz, "energy": parts.energy}
    momenta = ak.unflatten(ak.zip(axes), jets.counts)[:, :MAX_PARTICLES]  # by falling pT
    return jet_columns(momenta, np.full(len(jets), process.name == "Top"))


def quark_gluon_table(jets: Jets, process: JetProcess) -> Any:
    """Return one record per jet; label 1 is a quark jet.

    The particles become massless, as in the published files.
    """
    parts = jets.constituents
    pt, rapidity = np.hypot(parts.px, parts.py), np.arctanh(parts.pz / parts.energy)
    label = np.full(len(jets), process.name == "Q")
    return massless_jets(pt, rapidity, np.arctan2(parts.py, parts.px), parts.pid, jets.counts, label)
