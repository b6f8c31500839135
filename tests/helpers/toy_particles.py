"""Jets as their particles relative to the jet axis, made by hand or at random, without files."""

from collections.abc import Sequence
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

from hepjepa_weaver.fidelity.observables import Quantity
from hepjepa_weaver.fidelity.particles import JetParticles


def jets_of(*jets: Sequence[tuple[float, float, float]]) -> JetParticles:
    """Unlabelled jets, each a list of particles (pT, Δη, Δφ)."""
    flat = np.array([particle for jet in jets for particle in jet], np.float64).reshape(-1, 3)
    counts = np.array([len(jet) for jet in jets], np.int64)
    return JetParticles(counts, flat[:, 0], flat[:, 1], flat[:, 2], np.full(len(jets), -1, np.int64))


def toy_jets(n_jets: int, seed: int = 0, width: float = 0.1, label_names: tuple[str, ...] = ()) -> JetParticles:
    """Jets of 3 to 15 particles, by falling pT; the classes, in turn, differ in their width."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(3, 16, n_jets)
    label = np.arange(n_jets) % len(label_names) if label_names else np.full(n_jets, -1)
    owner = np.repeat(np.arange(n_jets), counts)
    pt = rng.exponential(40, counts.sum()) + 1
    pt = pt[np.lexsort((-pt, owner))]
    spread = width * (1 + np.maximum(label, 0))[owner]
    deta, dphi = spread * rng.standard_normal((2, len(owner)))
    return JetParticles(counts, pt, deta, dphi, label.astype(np.int64), label_names)


def one_a_jet(values: Sequence[float]) -> Quantity:
    """An observable with one value per jet."""
    values = np.asarray(values, np.float64)
    return Quantity(values, np.arange(len(values)), len(values))


def write_particles(jets: JetParticles, path: Path) -> Path:
    """A ROOT file of the jets with the branches that a comparison reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "part_px": jets.ragged(jets.pt * np.cos(jets.dphi)),
        "part_py": jets.ragged(jets.pt * np.sin(jets.dphi)),
        "part_deta": jets.ragged(jets.deta),
        "part_dphi": jets.ragged(jets.dphi),
    }
    columns |= {f"label_{name}": jets.label == index for index, name in enumerate(jets.label_names)}
    table = {name: ak.values_astype(ak.Array(column), "float32") for name, column in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree("tree", {name: column.type for name, column in table.items()})
        file["tree"].extend(table)
    return path
