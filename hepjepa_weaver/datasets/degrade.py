"""Test jets with less information, to measure the robustness of a tagger.

Columns are set to 0, or particles are dropped at random. The columns of the jet itself (jet_pt, …) stay as they are:
the loss happens after the trigger. JetParticle-JEPA is tested in the same way (arXiv:2606.14813).
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import kind_of, list_files

PARTICLE = "part_"


@dataclass(frozen=True)
class Degradation:
    """Information that every jet loses.

    Attributes:
        zero: columns set to 0.
        drop: fraction of the particles left out; the leading particle always stays.

    Raises:
        UserError: the fraction is out of range, or nothing would be lost.
    """

    zero: tuple[str, ...] = ()
    drop: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.drop < 1:
            raise UserError(f"drop is {self.drop}: it has to be at least 0 and below 1")
        if not self.drop and not self.zero:
            raise UserError("nothing is taken from the jets: give columns to zero, or a share of particles to drop")


def degrade_files(sources: Sequence[Path], output: Path, degradation: Degradation, seed: int) -> int:
    """Write the degraded jets of files or directories to files of the same names in `output`.

    Returns:
        Number of jets written.

    Raises:
        UserError: a column is missing, a file cannot be read, or `output` holds the sources or files of their names.
    """
    paths = list_files(sources)
    if output.resolve() in [path.parent.resolve() for path in paths]:
        raise UserError(f"{output} holds the jets themselves: choose another -o")
    for path in paths:
        if (output / path.name).exists():
            raise UserError(f"{output / path.name} is there already: delete it or choose another -o")
    output.mkdir(parents=True, exist_ok=True)
    return sum(_degrade_file(path, output / path.name, degradation, seed) for path in paths)


def degrade(jets: Any, degradation: Degradation, rng: np.random.Generator) -> Any:
    """Return the jets (records with ragged part_* columns) with less information.

    Raises:
        KeyError: a column is missing.
    """
    for name in degradation.zero:
        if name not in jets.fields:
            raise KeyError(name)
        jets = ak.with_field(jets, ak.zeros_like(jets[name]), name)
    if not degradation.drop:
        return jets
    ragged = [name for name in jets.fields if name.startswith(PARTICLE)]
    if not ragged:
        raise KeyError(f"{PARTICLE}…")
    counts = ak.num(jets[ragged[0]])
    stays = ak.unflatten(rng.random(int(ak.sum(counts))) >= degradation.drop, counts)
    stays = stays | (ak.local_index(stays) == 0)
    for name in ragged:
        jets = ak.with_field(jets, jets[name][stays], name)
    return jets


def _degrade_file(source: Path, target: Path, degradation: Degradation, seed: int) -> int:
    kind = kind_of(source)
    rng = np.random.default_rng([seed, zlib.crc32(source.name.encode())])  # another draw in every file

    def tables() -> Iterator[Any]:
        for jets in kind.read_all(source):
            yield degrade(jets, degradation, rng)

    try:
        kind.write_like(source, tables(), target)
    except KeyError as error:
        raise UserError(f"{source} has no column {error}: check --zero and --drop") from error
    return int(kind.count_jets(source))
