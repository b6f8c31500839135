"""Locations, class by class, of the jets that subsets are drawn from; the jets themselves are not read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import class_of, kind_of, list_files

Entries = NDArray[np.int64]


@dataclass(frozen=True)
class ClassJets:
    """The jets of one class.

    Attributes:
        name: name of the class.
        files: by file, the entries of the class, ascending, or their number if all jets of the file belong to it.
    """

    name: str
    files: dict[Path, Entries | int]

    def sizes(self) -> dict[str, int]:
        """Return the number of jets of the class by file name."""
        return {path.name: size if isinstance(size, int) else len(size) for path, size in self.files.items()}

    def total(self) -> int:
        """Return the number of jets of the class in all files."""
        return sum(self.sizes().values())

    def locate(self, jets: Entries) -> dict[Path, Entries]:
        """Return the entries (ascending) by file of `jets` (ascending), which are numbers from 0 to total - 1."""
        located, first = {}, 0
        for path, size in self.files.items():
            n_jets = size if isinstance(size, int) else len(size)
            inside = jets[(jets >= first) & (jets < first + n_jets)] - first
            if len(inside):
                located[path] = inside if isinstance(size, int) else size[inside]
            first += n_jets
        return located


@dataclass(frozen=True)
class JetPool:
    """All classes of some files.

    Attributes:
        classes: the jets of each class.
        label: the column that gives the class; None if the file name does.
    """

    classes: tuple[ClassJets, ...]
    label: str | None

    def files(self) -> list[Path]:
        """Return every file once."""
        return list(dict.fromkeys(path for jets in self.classes for path in jets.files))

    def identities(self) -> dict[str, str]:
        """Return, by file name, a text that changes when the file is written anew."""
        return {path.name: kind_of(path).file_identity(path) for path in self.files()}

    def labels_for_fraction(self, fraction: float) -> int:
        """Return the number of jets per class that makes up `fraction` of all jets.

        Raises:
            UserError: the fraction is out of range, or less than one jet per class.
        """
        if not 0 < fraction <= 1:
            raise UserError(f"the fraction {fraction} is not above 0 and at most 1")
        labels = round(fraction * sum(jets.total() for jets in self.classes) / len(self.classes))
        if labels < 1:
            raise UserError(f"the fraction {fraction} is less than one jet of each class: ask for more")
        return labels


def read_pool(sources: Sequence[Path], label: str | None = None) -> JetPool:
    """Return the jets of files and directories, by class.

    The class is the stem of the file name (STEM_NNN.root). In files of several classes it is the value of the column
    `label`: the class `label_1` holds the jets with value 1.

    Raises:
        UserError: a file cannot be read, the column is missing, or it has more than 1000 values and so is no label.
    """
    paths = list_files(sources)
    by_class: dict[str, dict[Path, Entries | int]] = {}
    for path in paths:
        parts: dict[str, Any] = _by_file(path) if label is None else _by_label(path, label)
        for name, entries in parts.items():
            by_class.setdefault(name, {})[path] = entries
    names = by_class if label is None else sorted(by_class)
    classes = tuple(ClassJets(name, by_class[name]) for name in names)
    return JetPool(classes, label)


def _by_file(path: Path) -> dict[str, int]:
    return {class_of(path): kind_of(path).count_jets(path)}


def _by_label(path: Path, label: str) -> dict[str, Entries]:
    try:
        values = np.concatenate([chunk[label] for chunk in kind_of(path).flat_columns(path, [label])])
    except KeyError as error:
        raise UserError(f"{path} has no column {label}: check --label") from error
    if values.dtype.kind not in "biuf" or values.ndim != 1:
        raise UserError(f"{path}: column {label} has no number for each jet, so it is no label: check --label")
    kinds = np.unique(values)
    if len(kinds) > 1000:
        raise UserError(f"{path}: column {label} has {len(kinds)} values, so it is no label: check --label")
    return {f"{label}_{kind:g}": np.flatnonzero(values == kind) for kind in kinds}
