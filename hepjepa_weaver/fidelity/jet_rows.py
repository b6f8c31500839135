"""Equal numbers of jets of each class out of many files, with all columns that a data config reads.

A first pass reads the labels alone. A second one keeps the jets that were drawn, and nothing else stays in memory.

Shapes: N jets of all files one after the other, M drawn ones.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import kind_of
from hepjepa_weaver.fidelity.particles import LABEL, Ints, JetParticles, joined, labels_of, told_by_name


def read_classes(paths: Sequence[Path]) -> JetParticles:
    """Read the classes of all jets of files, in their order; the jets are without particles.

    Raises:
        UserError: a file is missing, cannot be read, or holds no jets. Also if the files have other labels.
    """
    return joined([_classes_of(Path(path)) for path in paths])


def read_rows(paths: Sequence[Path], jets: Ints, columns: Sequence[str]) -> Any:
    """Read some jets as an awkward array.

    Args:
        paths: the files.
        jets: (M,), ascending places of the jets among those of all files.
        columns: names of the columns to read.

    Raises:
        UserError: a file cannot be read, lacks a column, or the files have fewer jets.
    """
    pieces, first = [], 0
    for path in paths:
        if first > jets[-1]:
            break
        with told_by_name(path):
            for table in kind_of(path).read_all(path):
                wanted = jets[(jets >= first) & (jets < first + len(table))] - first
                first += len(table)
                if len(wanted):
                    pieces.append(_columns(table, columns, path)[wanted])
    found = sum(map(len, pieces))
    if found != len(jets):
        raise UserError(f"{found} of {len(jets)} jets were found again: leave the files as they are meanwhile")
    return ak.concatenate(pieces)


def _classes_of(path: Path) -> JetParticles:
    with told_by_name(path):
        kind = kind_of(path)
        fields = next(iter(kind.read_all(path))).fields if kind.count_jets(path) else []
        names = [name for name in fields if name.startswith(LABEL)]
        pieces = list(kind.flat_columns(path, names)) if names else []
        flags = {name: np.concatenate([piece[name] for piece in pieces]) for name in names}
        number = kind.count_jets(path)
    if not number:
        raise UserError(f"{path} holds no jets: leave it out")
    nothing = np.zeros(0)
    return JetParticles(np.zeros(number, np.int64), nothing, nothing, nothing, *labels_of(flags, number))


def _columns(table: Any, columns: Sequence[str], path: Path) -> Any:
    missing = [name for name in columns if name not in table.fields]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}, which the data config reads")
    return table[list(columns)]
