"""Comparison of files of jets: means of simple observables, with their statistical errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.common.measurement import Measurement, format_value
from hepjepa_weaver.datasets.jet_files import kind_of
from hepjepa_weaver.simulation.events import Floats

BRANCHES = ("jet_pt", "part_px", "part_py", "part_deta", "part_dphi")
N_LEADING = 5
N_BLOCKS = 20  # of jets, left out in turn for the errors (jackknife)


def read_jets(path: Path) -> Any:
    """Return the needed branches of a file of JetClass's schema.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file: name ROOT or parquet files of jets")
    try:
        chunks = [jets[list(BRANCHES)] for jets in kind_of(path).read_all(path)]
        return ak.concatenate(chunks) if chunks else ak.Array({name: [] for name in BRANCHES})
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"cannot read {', '.join(BRANCHES)} from {path}: is it a file of jets?") from error


def jackknife(estimate: Callable[[Any], float], jets: Any) -> Measurement:
    """Return the estimate from all jets, and its jackknife error from leaving out blocks of jets in turn.

    The error is None for a single jet.
    """
    block = np.arange(len(jets)) * N_BLOCKS // len(jets)
    blocks = np.unique(block)
    if len(blocks) < 2:
        return Measurement(estimate(jets), None)
    partial = np.array([estimate(jets[block != b]) for b in blocks])
    scale = len(blocks) - 1
    return Measurement(estimate(jets), float(np.sqrt(scale * np.mean((partial - partial.mean()) ** 2))))


def leading_share(jets: Any) -> Floats:
    """Return the fraction (J,) of the particles' summed pT that the five leading ones carry."""
    pt = np.hypot(jets.part_px, jets.part_py)
    leading = ak.sort(pt, axis=1, ascending=False)[:, :N_LEADING]
    share: Floats = ak.to_numpy(ak.sum(leading, axis=1) / ak.sum(pt, axis=1))
    return share


OBSERVABLES: dict[str, Callable[[Any], float]] = {
    "particles": lambda jets: float(ak.mean(ak.num(jets.part_px))),
    "jet pT (GeV)": lambda jets: float(ak.mean(jets.jet_pt)),
    "standard deviation of deta": lambda jets: float(ak.std(jets.part_deta)),
    "standard deviation of dphi": lambda jets: float(ak.std(jets.part_dphi)),
    "pT share of the leading 5": lambda jets: float(np.mean(leading_share(jets))),
}


def comparison_table(paths: list[Path]) -> str:
    """Return a Markdown table with a row for each file.

    Raises:
        UserError: a file cannot be read or holds no jets.
    """
    lines = []
    for path in paths:
        jets = read_jets(path)
        if not len(jets):
            raise UserError(f"{path} holds no jets")
        values = [format_value(jackknife(estimate, jets)) for estimate in OBSERVABLES.values()]
        lines.append([path.name, str(len(jets)), *values])
    return markdown_table(["file", "jets", *OBSERVABLES], lines, words=1)
