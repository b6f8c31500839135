"""Jets for tests: physical four-vectors in a cone, without Pythia, in memory and in JetClass's file schema."""

from collections.abc import Sequence
from pathlib import Path

import awkward as ak
import numpy as np
import torch
import uproot

from hepjepa_weaver.batch.jets import Jets

LABELS = ("QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl")
STEMS = (
    "ZJetsToNuNu", "HToBB", "HToCC", "HToGG", "HToWW4Q", "HToWW2Q1L", "ZToQQ", "WToQQ", "TTBar", "TTBarLep",
)  # fmt: skip
SPLITS = ("train", "val", "test")
JETS_PER_CLASS = 30
FLAGS = ("isChargedHadron", "isNeutralHadron", "isPhoton", "isElectron", "isMuon")


def random_jets(multiplicities: list[int], num_features: int = 17, seed: int = 0) -> Jets:
    """Jets with the given numbers of particles, padded with zeros; massless particles of falling pT."""
    generator = torch.Generator().manual_seed(seed)
    num_jets, length = len(multiplicities), max(*multiplicities, 1)
    is_real = torch.arange(length) < torch.tensor(multiplicities).unsqueeze(1)
    points = 0.3 * torch.randn(num_jets, 2, length, generator=generator)
    pt = torch.empty(num_jets, length).exponential_(generator=generator).mul(20).add(0.5).sort(descending=True).values
    features = torch.randn(num_jets, num_features, length, generator=generator)
    eta, phi = points.unbind(dim=1)
    vectors = torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh(), pt * eta.cosh()], dim=1)
    real = is_real.unsqueeze(1)
    return Jets(points * real, features * real, vectors * real, is_real, is_real.sum(dim=1))


def weaver_inputs(jets: Jets) -> tuple[torch.Tensor, ...]:
    """The jets as weaver passes them: pf_points, pf_features, pf_vectors, pf_mask."""
    return jets.points, jets.features, jets.vectors, jets.is_real.unsqueeze(1).float()


def toy_table(num_jets: int, label: str, seed: int) -> dict[str, ak.Array | np.ndarray]:
    """JetClass branches of `num_jets` toy jets; the classes differ in width and in particle types."""
    rng = np.random.default_rng([seed, LABELS.index(label)])
    counts = rng.integers(1, 60, size=num_jets)
    counts[: min(3, num_jets)] = [1, 2, 3][: min(3, num_jets)]
    total, width = counts.sum(), 0.05 + 0.03 * LABELS.index(label)
    jet_eta, jet_phi = rng.uniform(-1.5, 1.5, num_jets), rng.uniform(-np.pi, np.pi, num_jets)
    pt = rng.exponential(15, total) + 0.5
    deta, dphi = width * rng.standard_normal((2, total))
    eta = np.repeat(jet_eta, counts) + deta * np.where(np.repeat(jet_eta, counts) < 0, -1, 1)
    phi = np.repeat(jet_phi, counts) + dphi
    px, py, pz, energy = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)
    kind = rng.choice(len(FLAGS), total, p=[0.5, 0.15, 0.3, 0.03, 0.02])
    charge = np.where(np.isin(kind, [0, 3, 4]), rng.choice([-1, 1], total), 0)
    parts = {"px": px, "py": py, "pz": pz, "energy": energy, "deta": deta, "dphi": dphi, "charge": charge}
    for name in ("d0", "dz"):
        parts[f"{name}val"] = rng.normal(0, 0.1, total) * (charge != 0)
        parts[f"{name}err"] = rng.uniform(0.01, 0.3, total) * (charge != 0)
    parts |= {flag: kind == index for index, flag in enumerate(FLAGS)}
    table = {f"part_{k}": ak.unflatten(v.astype("float32"), counts) for k, v in parts.items()}
    summed = {k: ak.to_numpy(ak.sum(table[f"part_{k}"], axis=1)) for k in ("px", "py", "energy")}
    table |= {"jet_pt": np.hypot(summed["px"], summed["py"]), "jet_eta": jet_eta, "jet_phi": jet_phi}
    table |= {"jet_energy": summed["energy"], "jet_nparticles": counts.astype("float32")}
    table |= {f"jet_{name}": np.zeros(num_jets) for name in ("sdmass", "tau1", "tau2", "tau3", "tau4")}
    return table | {f"label_{name}": np.full(num_jets, float(name == label)) for name in LABELS}


def write_toy_files(folder: Path, jets_per_class: int, seed: int = 0) -> Path:
    """One ROOT file per class in `folder`, as `STEM_000.root` with a TTree `tree`."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, label in zip(STEMS, LABELS, strict=True):
        table = {
            name: ak.values_astype(ak.Array(column), "float32")
            for name, column in toy_table(jets_per_class, label, seed).items()
        }
        with uproot.recreate(folder / f"{stem}_000.root") as file:
            file.mktree("tree", {name: column.type for name, column in table.items()})
            file["tree"].extend(table)
    return folder


def link_toy_files(toy_files: Path, folder: Path, stems: Sequence[str] = STEMS) -> None:
    """Have the toy jets of these classes in `folder`."""
    for split in SPLITS:
        (folder / split).mkdir()
        for stem in stems:
            (folder / split / f"{stem}_000.root").symlink_to(toy_files / split / f"{stem}_000.root")
