"""Files of jets: what is to be in them, written whole or not at all, and recognised on a second run."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from hepjepa_weaver.errors import UserError
from hepjepa_weaver.jets.jet_table import branch_types
from hepjepa_weaver.jets.processes import PROCESSES, JetProcess, find_process

SPLITS = ("train", "val", "test")
TREE, METADATA = "tree", "minijetclass"
# To be raised with every change to the jets: files of another recipe must not be mixed with ours.
RECIPE = 1
JETS_PER_BASKET = 10_000


@dataclass(frozen=True)
class JetFile:
    """One file to be made: `n_jets` jets of the class `stem`, the `index`-th file of its split."""

    directory: Path
    stem: str
    split: str
    index: int
    n_jets: int
    seed: int

    @property
    def process(self) -> JetProcess:
        return find_process(self.stem)

    @property
    def path(self) -> Path:
        return self.directory / self.split / f"{self.stem}_{self.index:03d}.root"

    @property
    def temporary_path(self) -> Path:
        return self.path.with_name(f".{self.path.name}.part")

    @property
    def metadata(self) -> dict[str, Any]:
        """What decides the content of the file."""
        described = asdict(self)
        del described["directory"]
        return {"recipe": RECIPE, **described}

    def seed_sequence(self) -> np.random.SeedSequence:
        """A seed of its own for each class, split and index."""
        stems = [process.stem for process in PROCESSES]
        numbers = (self.seed, stems.index(self.stem), SPLITS.index(self.split), self.index)
        return np.random.SeedSequence(numbers)


@contextmanager
def whole_or_not_at_all(file: JetFile) -> Iterator[Path]:
    """A temporary path that becomes the file's own if all goes well, and vanishes if not."""
    try:
        yield file.temporary_path
        os.replace(file.temporary_path, file.path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write {file.path}: {reason}; free space or choose another directory"
        ) from error
    finally:
        file.temporary_path.unlink(missing_ok=True)


def write_jets(file: JetFile, tables: Iterable[Any]) -> None:
    """Write the first `file.n_jets` jets of `tables` (see `jet_table`)."""
    with whole_or_not_at_all(file) as path, uproot.recreate(path) as root:
        tree = root.mktree(TREE, branch_types())
        for basket in baskets(tables, file.n_jets):
            tree.extend({name: basket[name] for name in basket.fields})
        root[METADATA] = json.dumps(file.metadata)


def baskets(tables: Iterable[Any], n_jets: int) -> Iterator[Any]:
    """The first `n_jets` jets in pieces of `JETS_PER_BASKET` (the last may be smaller)."""
    held: list[Any] = []
    n_held = n_done = 0
    for table in tables:
        held.append(table[: n_jets - n_done - n_held])
        n_held += len(held[-1])
        is_last = n_done + n_held == n_jets
        while n_held >= JETS_PER_BASKET or (is_last and n_held):
            jets = ak.concatenate(held)
            yield jets[:JETS_PER_BASKET]
            held = [jets[JETS_PER_BASKET:]]
            n_done += min(n_held, JETS_PER_BASKET)
            n_held = len(held[0])
        if is_last:
            return


def is_made(file: JetFile) -> bool:
    """Whether the file is there already; a file of the same name that is not this one is a UserError."""
    if not file.path.exists():
        return False
    remedy = "delete it or choose another directory"
    try:
        with uproot.open(file.path) as root:
            found = json.loads(str(root[METADATA]))
            n_jets = root[TREE].num_entries
    except Exception as error:
        raise UserError(f"{file.path} is not a file of jets made here: {remedy}") from error
    wanted = file.metadata
    for key in wanted:
        if found.get(key) != wanted[key]:
            raise UserError(f"{file.path} has {key} {found.get(key)}, not {wanted[key]}: {remedy}")
    if n_jets != file.n_jets:
        raise UserError(f"{file.path} holds {n_jets} jets, not {file.n_jets}: {remedy}")
    return True
