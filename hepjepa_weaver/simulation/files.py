"""Files of jets: their planned content, written whole or not at all, and recognised on a second run."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.datasets import parquet_files
from hepjepa_weaver.datasets.parquet_files import note_of, write_parquet
from hepjepa_weaver.datasets.pieces import larger_pieces
from hepjepa_weaver.datasets.root_files import TREE
from hepjepa_weaver.simulation.jet_table import branch_types
from hepjepa_weaver.simulation.processes import DATA_SETS, JetProcess, find_process
from hepjepa_weaver.simulation.selection import JETCLASS

SPLITS = ("train", "val", "test")
METADATA = "minijetclass"
# Raise this with every change to the jets: files of different recipes must not be mixed.
RECIPE = 1


@dataclass(frozen=True)
class JetFile:
    """One file to make: `n_jets` jets of the class `stem`, the `index`-th file of its split."""

    directory: Path
    stem: str
    split: str
    index: int
    n_jets: int
    seed: int
    data_set: str = JETCLASS.name

    @property
    def process(self) -> JetProcess:
        """Class of the jets."""
        return find_process(self.stem, self.data_set)

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.directory / self.split / f"{self.stem}_{self.index:03d}{self.suffix}"

    @property
    def suffix(self) -> str:
        """File ending: ROOT for JetClass, as published, and parquet for all other data sets.

        The particle_transformer repository has those in parquet files.
        """
        return ".root" if self.data_set == JETCLASS.name else ".parquet"

    @property
    def metadata(self) -> dict[str, Any]:
        """All settings that decide the content of the file."""
        described = asdict(self)
        del described["directory"]
        if self.data_set == JETCLASS.name:
            del described["data_set"]
        return {"recipe": RECIPE, **described}

    def seed_sequence(self) -> np.random.SeedSequence:
        """Return the seed of this data set, class, split and index."""
        stems = [process.stem for process in DATA_SETS[self.data_set]]
        numbers = (self.seed, stems.index(self.stem), SPLITS.index(self.split), self.index)
        data_set = list(DATA_SETS).index(self.data_set)
        return np.random.SeedSequence((*numbers, data_set) if data_set else numbers)


def write_jets(file: JetFile, tables: Iterable[Any]) -> None:
    """Write all `tables` of jets to the file, or leave no file behind.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        if file.suffix == ".parquet":
            write_parquet(larger_pieces(tables), file.path, note=json.dumps(file.metadata))
            return
        with written_whole(file.path) as path, uproot.recreate(path) as root:
            tree = root.mktree(TREE, branch_types())
            for basket in larger_pieces(tables):
                tree.extend({name: basket[name] for name in basket.fields})
            root[METADATA] = json.dumps(file.metadata)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"cannot write {file.path}: {reason}; make room or choose another directory") from error


def is_made(file: JetFile) -> bool:
    """Tell whether the file is there already.

    Raises:
        UserError: a file of the same name has other content.
    """
    if not file.path.exists():
        return False
    remedy = "delete it or choose another directory"
    try:
        found, n_jets = _read_metadata(file.path)
    except Exception as error:
        raise UserError(f"{file.path} is not a file of jets made here: {remedy}") from error
    wanted = file.metadata
    for key in wanted:
        if found.get(key) != wanted[key]:
            raise UserError(f"{file.path} has {key} {found.get(key)}, not {wanted[key]}: {remedy}")
    if n_jets != file.n_jets:
        raise UserError(f"{file.path} holds {n_jets} jets, not {file.n_jets}: {remedy}")
    return True


def _read_metadata(path: Path) -> tuple[dict[str, Any], int]:
    """Return the settings that decided the content of a file, and its number of jets."""
    if path.suffix == ".parquet":
        return json.loads(note_of(path) or ""), parquet_files.count_jets(path)
    with uproot.open(path) as root:
        return json.loads(str(root[METADATA])), int(root[TREE].num_entries)
