"""The branches of a JetClass file."""

from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.simulation.candidates import NEUTRAL_HADRON, PHOTON
from hepjepa_weaver.simulation.clustering import Jets
from hepjepa_weaver.simulation.events import Floats
from hepjepa_weaver.simulation.generator_jets import GeneratorJets
from hepjepa_weaver.simulation.matching import wrap
from hepjepa_weaver.simulation.processes import LABELS, JetProcess
from hepjepa_weaver.simulation.substructure import Substructure

PARTICLE_BRANCHES = (
    "px",
    "py",
    "pz",
    "energy",
    "deta",
    "dphi",
    "d0val",
    "d0err",
    "dzval",
    "dzerr",
    "charge",
    "isChargedHadron",
    "isNeutralHadron",
    "isPhoton",
    "isElectron",
    "isMuon",
)
JET_BRANCHES = (
    "jet_pt",
    "jet_eta",
    "jet_phi",
    "jet_energy",
    "jet_nparticles",
    "jet_sdmass",
    "jet_tau1",
    "jet_tau2",
    "jet_tau3",
    "jet_tau4",
)
GENERATOR_BRANCHES = ("jet_gen_pt", "jet_gen_mass", "jet_gen_sdmass")


def particle_columns(jets: Jets) -> dict[str, Floats]:
    """Return one array (counts.sum(),) for each of PARTICLE_BRANCHES."""
    parts = jets.constituents
    code = np.abs(parts.pid)
    jet_eta, jet_phi = np.repeat(jets.eta, jets.counts), np.repeat(jets.phi, jets.counts)
    eta = np.arcsinh(parts.pz / np.hypot(parts.px, parts.py))
    is_electron, is_muon = code == 11, code == 13
    return {
        "px": parts.px,
        "py": parts.py,
        "pz": parts.pz,
        "energy": parts.energy,
        "deta": (eta - jet_eta) * np.where(jet_eta >= 0, 1, -1),
        "dphi": wrap(np.arctan2(parts.py, parts.px) - jet_phi),
        "d0val": parts.d0,
        "d0err": parts.d0_error,
        "dzval": parts.dz,
        "dzerr": parts.dz_error,
        "charge": parts.charge,
        "isChargedHadron": (parts.charge != 0) & ~is_electron & ~is_muon,
        "isNeutralHadron": code == NEUTRAL_HADRON,
        "isPhoton": code == PHOTON,
        "isElectron": is_electron,
        "isMuon": is_muon,
    }


def jet_columns(jets: Jets, shapes: Substructure) -> dict[str, Floats]:
    """Return one array (J,) for each of JET_BRANCHES."""
    return {
        "jet_pt": jets.pt,
        "jet_eta": jets.eta,
        "jet_phi": jets.phi,
        "jet_energy": jets.energy,
        "jet_nparticles": jets.counts.astype(np.float64),
        "jet_sdmass": shapes.soft_drop_mass,
        **{f"jet_tau{n + 1}": shapes.tau[:, n] for n in range(shapes.tau.shape[1])},
    }


def generator_columns(generated: GeneratorJets) -> dict[str, Floats]:
    """Return one array (J,) for each of GENERATOR_BRANCHES."""
    return dict(zip(GENERATOR_BRANCHES, (generated.pt, generated.mass, generated.soft_drop_mass), strict=True))


def jet_table(jets: Jets, shapes: Substructure, generated: GeneratorJets, process: JetProcess) -> Any:
    """Return an awkward array with one record per jet: `part` (ragged records), jet_* and the ten labels."""
    parts = {name: values.astype(np.float32) for name, values in particle_columns(jets).items()}
    columns = {"part": ak.unflatten(ak.zip(parts), jets.counts)}
    of_jet = jet_columns(jets, shapes) | generator_columns(generated)
    columns |= {name: values.astype(np.float32) for name, values in of_jet.items()}
    columns |= {label: np.full(len(jets), label == process.label, dtype=np.int32) for label in LABELS}
    return ak.zip(columns, depth_limit=1)


def branch_types() -> dict[str, Any]:
    """Return the types of the branches, as `uproot`'s mktree takes them."""
    particle = ", ".join(f"{name}: float32" for name in PARTICLE_BRANCHES)
    return {
        "part": ak.types.from_datashape(f"var * {{{particle}}}", highlevel=False),
        **dict.fromkeys((*JET_BRANCHES, *GENERATOR_BRANCHES), "float32"),
        **dict.fromkeys(LABELS, "int32"),
    }
