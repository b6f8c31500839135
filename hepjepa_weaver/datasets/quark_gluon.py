"""The quark and gluon jets of Komiske, Metodiev and Thaler (Zenodo 3164691): from npz files to weaver's parquet.

`X` (N, P, 4) holds pT (GeV), rapidity, φ and PDG code of the particles, zero padded. `y` is 1 for quark and 0 for
gluon. The particles are taken as massless, as in the particle_transformer repository.
"""

import zipfile
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_columns import jet_columns
from hepjepa_weaver.datasets.parquet_files import write_parquet
from hepjepa_weaver.datasets.published_set import converted_set
from hepjepa_weaver.datasets.records import Record

CHUNK = 20_000  # jets worked on at once
CHARGED_HADRONS, NEUTRAL_HADRONS = (211, 321, 2212), (130, 2112)
PHOTON, ELECTRON, MUON = 22, 11, 13

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def convert(source: Path, target: Path, note: str = "") -> int:
    """Write the jets of the npz file `source` to the parquet file `target` and return their number.

    Args:
        source: npz file with X and y.
        target: parquet file.
        note: kept in the metadata of `target`.

    Raises:
        UserError: the file has another layout.
    """
    try:
        with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            particles, label = arrays["X"], arrays["y"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{source} is not an npz file with X and y ({error}): download it again") from error
    if particles.ndim != 3 or particles.shape[2] != 4 or label.shape != particles.shape[:1]:
        raise UserError(f"{source}: X has shape {particles.shape} and y {label.shape}, not (N, P, 4) and (N,)")
    pieces = [slice(start, start + CHUNK) for start in range(0, len(label), CHUNK)]
    try:
        return write_parquet((quark_gluon_jets(particles[piece], label[piece]) for piece in pieces), target, note)
    except ValueError as error:
        raise UserError(f"{source} is not a file of the published quark/gluon jets: {error}") from error


def quark_gluon_jets(particles: NDArray[Any], label: NDArray[Any]) -> Any:
    """Return weaver's columns of jets given as X (N, P, 4) and y (N,)."""
    is_real = particles[..., 0] > 0
    counts = is_real.sum(axis=1)
    pt, rapidity, phi, pid = particles[is_real].astype(np.float64).T
    return massless_jets(pt, rapidity, phi, pid.astype(np.int64), counts, label)


def massless_jets(pt: Floats, rapidity: Floats, phi: Floats, pid: Ints, counts: Ints, label: NDArray[Any]) -> Any:
    """Return weaver's columns of jets of massless particles, given end to end (counts.sum(),); counts, label (N,)."""
    momenta = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(rapidity)}
    momenta["energy"] = pt * np.cosh(rapidity)
    flags = {"pid": pid, **particle_flags(pid)}
    return jet_columns(
        ak.unflatten(ak.zip(momenta), counts),
        label,
        {name: ak.unflatten(values, counts) for name, values in flags.items()},
    )


def particle_flags(pid: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return charge and the five flags of particles by PDG code.

    Raises:
        ValueError: a code is none of the published jets' particles.
    """
    kind = np.abs(pid)
    is_charged_hadron, is_neutral_hadron = np.isin(kind, CHARGED_HADRONS), np.isin(kind, NEUTRAL_HADRONS)
    is_lepton = (kind == ELECTRON) | (kind == MUON)
    known = is_charged_hadron | is_neutral_hadron | is_lepton | (kind == PHOTON)
    if not known.all():
        unknown = ", ".join(str(code) for code in np.unique(pid[~known]))
        raise ValueError(f"PDG code {unknown} is none of the hadrons and leptons of the published jets")
    return {
        "charge": np.sign(pid) * (is_charged_hadron.astype(int) - is_lepton),  # e⁻ and μ⁻ have positive codes
        "isChargedHadron": is_charged_hadron,
        "isNeutralHadron": is_neutral_hadron,
        "isPhoton": kind == PHOTON,
        "isElectron": kind == ELECTRON,
        "isMuon": kind == MUON,
    }


FILES = ("QG_jets.npz", *(f"QG_jets_{number}.npz" for number in range(1, 20)))
TRAINING_FILES = 18  # of 20: the first 90 %


def parquet_name(raw: str) -> str:
    """Return the name of weaver's file: train_file_0.parquet for QG_jets.npz."""
    number = FILES.index(raw)
    is_training = number < TRAINING_FILES
    return f"train_file_{number}.parquet" if is_training else f"test_file_{number - TRAINING_FILES}.parquet"


QUARK_GLUON = converted_set(Record(3164691, FILES), convert, parquet_name, growth=4)
