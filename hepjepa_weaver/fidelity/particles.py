"""Jets as their particles relative to the jet axis, the footing on which all samples are compared.

Particles are massless. Real, reconstructed and generated jets are therefore described by the same three numbers a
particle (OmniJet-α, arXiv:2403.05618, "How to judge the quality of an encoding").

Shapes: N jets, S particles of all jets one after the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError, first_line
from hepjepa_weaver.datasets.jet_files import kind_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BRANCHES = ("part_px", "part_py", "part_deta", "part_dphi")
LABEL = "label_"
MAX_PARTICLES = 128
"""Particles per jet that the data configs of JetClass keep."""


@dataclass(frozen=True)
class JetParticles:
    """Particles of N jets, relative to the jet axis.

    Attributes:
        counts: (N,), number of particles of each jet.
        pt: (S,), transverse momentum in GeV.
        deta: (S,), Δη to the jet axis.
        dphi: (S,), Δφ to the jet axis.
        label: (N,), index of the class in `label_names`, or -1 if unknown.
        label_names: names of the classes, without `label_`.
    """

    counts: Ints
    pt: Floats
    deta: Floats
    dphi: Floats
    label: Ints
    label_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, chosen: NDArray[Any]) -> "JetParticles":
        """Return some jets, given by a mask (N,) or by their indices (M,), in the order of the indices."""
        jets = np.arange(len(self))[chosen]
        counts = self.counts[jets]
        first = np.repeat(self.starts[jets] - (np.cumsum(counts) - counts), counts)
        members = first + np.arange(counts.sum())
        particles = (self.pt[members], self.deta[members], self.dphi[members])
        return JetParticles(counts, *particles, self.label[jets], self.label_names)

    @property
    def starts(self) -> Ints:
        """Place (N,) of the first particle of each jet in the flat arrays."""
        return np.cumsum(self.counts) - self.counts

    @property
    def owner(self) -> Ints:
        """Index (S,) of the jet that each particle belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def is_labelled(self) -> bool:
        """True if the class of every jet is known."""
        return bool(self.label_names) and bool((self.label >= 0).all())

    def relabelled(self, names: tuple[str, ...]) -> "JetParticles":
        """Return the same jets with the indices of their classes in other names, which must hold all present ones."""
        if not self.label_names or names == self.label_names:
            return self
        places = [names.index(name) if name in names else -1 for name in self.label_names]
        label = np.where(self.label < 0, -1, np.array(places, np.int64)[self.label])
        return replace(self, label=label, label_names=names)

    def ragged(self, values: NDArray[Any]) -> Any:
        """Return values (S,) of the particles as an awkward array, jet by jet."""
        return ak.unflatten(values, self.counts)

    def per_jet(self, values: NDArray[Any]) -> Floats:
        """Return the sum (N,) of values (S,) over the particles of each jet."""
        return np.bincount(self.owner, values, len(self)).astype(np.float64)


def joined(parts: Sequence[JetParticles]) -> JetParticles:
    """Return the jets of all parts, one part after the other.

    Raises:
        UserError: the parts have other classes, or there are none.
    """
    if not parts:
        raise UserError("no samples of jets to join: give at least one")
    names = {part.label_names for part in parts}
    if len(names) > 1:
        told = " and ".join(", ".join(of) or "none" for of in sorted(names))
        raise UserError(f"samples of jets have different labels ({told}): join those of one kind")
    columns = [field.name for field in fields(JetParticles) if field.name != "label_names"]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return JetParticles(**arrays, label_names=names.pop())


def read_particles(
    paths: Sequence[Path], max_particles: int = MAX_PARTICLES, max_jets: int | None = None
) -> JetParticles:
    """Read jets from files of JetClass's schema: ROOT, parquet or HDF5.

    Args:
        paths: the files.
        max_particles: number of particles kept per jet, the first in file order. JetClass orders them by pT.
        max_jets: the most jets in all, the same number from each file, but at least one. None takes all.

    Raises:
        UserError: a file is missing, cannot be read, lacks a branch or has no jets. Also if a particle is not finite.
    """
    share = None if max_jets is None else max(max_jets // max(len(paths), 1), 1)
    return joined([_read_file(Path(path), max_particles, share) for path in paths])


@contextmanager
def told_by_name(path: Path) -> Iterator[None]:
    """Have what goes wrong while a file is read told with its name.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file: name ROOT, parquet or HDF5 files of jets")
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path} cannot be read as a file of jets ({first_line(error)}): check the path") from error


def labels_of(flags: Mapping[str, NDArray[Any]], num_jets: int) -> tuple[Ints, tuple[str, ...]]:
    """Return the class (N,) of each jet, -1 if no label is set, and the names of the classes.

    Args:
        flags: branches (N,) by name; those that start with `label_` are read.
        num_jets: number N of jets.
    """
    branches = [name for name in flags if name.startswith(LABEL)]
    if not branches:
        return np.full(num_jets, -1, np.int64), ()
    table = np.stack([flags[name].astype(np.float64) for name in branches], axis=1)
    label = np.where(table.max(axis=1) > 0, table.argmax(axis=1), -1)
    return label.astype(np.int64), tuple(name.removeprefix(LABEL) for name in branches)


def _read_file(path: Path, max_particles: int, max_jets: int | None) -> JetParticles:
    chunks: list[JetParticles] = []
    with told_by_name(path):
        for table in kind_of(path).read_all(path):
            chunks.append(_converted(table, path, max_particles))
            if max_jets is not None and sum(map(len, chunks)) >= max_jets:
                break
    if not sum(map(len, chunks)):
        raise UserError(f"{path} holds no jets: leave it out")
    jets = joined(chunks)
    return jets if max_jets is None else jets[np.arange(min(max_jets, len(jets)))]


def _converted(table: Any, path: Path, max_particles: int) -> JetParticles:
    missing = [name for name in BRANCHES if name not in table.fields]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}: jets are compared by {', '.join(BRANCHES)}")
    columns = {name: table[name][:, :max_particles] for name in BRANCHES}
    slots = ak.to_numpy(ak.num(columns["part_px"])).astype(np.int64)
    flat = np.stack([ak.to_numpy(ak.flatten(column)).astype(np.float64) for column in columns.values()])
    is_real, counts = _without_padding(flat, slots)
    px, py, deta, dphi = flat[:, is_real]
    pt = np.hypot(px, py)
    broken = int(np.sum(~np.isfinite(pt + deta + dphi)))
    if broken:
        raise UserError(f"{path} has {broken} particles with NaN or infinite {', '.join(BRANCHES)}: make it anew")
    flags = {name: ak.to_numpy(table[name]) for name in table.fields if name.startswith(LABEL)}
    return JetParticles(counts, pt, deta, dphi, *labels_of(flags, len(table)))


def _without_padding(columns: Floats, slots: Ints) -> tuple[NDArray[np.bool_], Ints]:
    """Return which particles (S,) are no padding, and how many each jet has (N,).

    Padding is what is 0 in all columns (4, S) at the end of a jet, as in files with arrays of fixed length.
    """
    owner = np.repeat(np.arange(len(slots)), slots)
    place = np.arange(len(owner)) - (np.cumsum(slots) - slots)[owner]
    counts = np.zeros(len(slots), np.int64)
    np.maximum.at(counts, owner, np.where(columns.any(axis=0), place + 1, 0))
    return place < counts[owner], counts
