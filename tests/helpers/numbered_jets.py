"""Small JetClass-like files: two classes, ragged particles, a number in each jet to know it by."""

from pathlib import Path

import awkward as ak
import numpy as np
import uproot

SIZES = {"HToBB_000": 40, "HToBB_001": 30, "HToBB_010": 25, "ZJetsToNuNu_000": 60}
PARTICLES = ("part_px", "part_isMuon")


def write_jet_file(path: Path, n_jets: int, first: int = 0, **extra: np.ndarray) -> None:
    """Write jets numbered from `first`; jet k has k % 4 particles of px k, k+1, … GeV."""
    number = np.arange(first, first + n_jets)
    px = ak.Array([[float(k + i) for i in range(k % 4)] for k in number])
    columns = {
        "part_px": ak.values_astype(px, "float32"),
        "part_isMuon": px % 2 == 0,
        "jet_pt": (500 + number).astype("float32"),
        "jet_number": number.astype("int64"),
        "label_QCD": np.full(n_jets, path.stem.startswith("Z")),
        **extra,
    }
    types = {name: ak.type(column) for name, column in columns.items()}
    with uproot.recreate(path) as file:
        tree = file.mktree("tree", types, counter_name=lambda name: "npart" if name in PARTICLES else f"n{name}")
        tree.extend(columns)
