"""Small files in the published layouts of the Top Landscape and of the quark/gluon jets."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SLOTS = 200


def write_top_file(path: Path, n_jets: int, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Write jets of 1 to 8 particles as the pandas table of the record; returns what was written, padded."""
    rng = np.random.default_rng(seed)
    counts = 1 + np.arange(n_jets) % 8
    is_real = np.arange(SLOTS) < counts[:, None]
    momentum = rng.normal([400, 0, 20], 50, (n_jets, SLOTS, 3))
    momentum = np.where(is_real[..., None], momentum, 0).astype(np.float32)
    energy = np.sqrt((momentum.astype(np.float64) ** 2).sum(-1) + 0.02 * is_real).astype(np.float32)
    stacked = np.concatenate([energy[..., None], momentum], axis=-1)
    names = [f"{axis}_{i}" for i in range(SLOTS) for axis in ("E", "PX", "PY", "PZ")]
    frame = pd.DataFrame(stacked.reshape(n_jets, -1), columns=names)
    frame = frame.assign(ttv=0, is_signal_new=np.arange(n_jets) % 2)
    frame.to_hdf(path, key="table", format="table", complevel=5, complib="blosc")
    return {"energy": energy, "momentum": momentum, "is_real": is_real, "label": frame["is_signal_new"].to_numpy()}


def write_quark_gluon_file(path: Path, n_jets: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Write jets of 1 to 6 particles as X and y of the record, in no order, and return both."""
    rng = np.random.default_rng(seed)
    slots = 6
    counts = 1 + np.arange(n_jets) % slots
    is_real = np.arange(slots) < counts[:, None]
    codes = [211, -211, 321, 2212, -2212, 130, 2112, -2112, 22, 11, -11, 13, -13]
    particles = np.stack(
        [
            rng.uniform(1, 100, (n_jets, slots)),
            rng.normal(1.2, 0.1, (n_jets, slots)),
            rng.normal(6.2, 0.1, (n_jets, slots)),  # next to 2π, where φ wraps
            rng.choice(codes, (n_jets, slots)),
        ],
        axis=-1,
    )
    X, y = np.where(is_real[..., None], particles, 0), (np.arange(n_jets) % 2).astype(np.float64)
    np.savez_compressed(path, X=X, y=y)
    return X, y
