"""Particles of jets as a network is to see them: without empty slots, and hardest first where a jet is too long."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

SUFFIX = "_vectors"


@dataclass(frozen=True)
class Tidied:
    """What `tidy_particles` has changed.

    Attributes:
        num_empty: number of slots without momentum that were left out.
        num_sorted: number of jets cut to their particles of highest pT, which did not stand first.
        length: number of particles that the network reads.
        lost: fraction of pT that the particles cut away had, over these jets.
    """

    num_empty: int = 0
    num_sorted: int = 0
    length: int = 0
    lost: float = 0.0


def leave_out_empty(table: Any, data_config: Any) -> int:
    """Leave out slots without momentum in all columns of particles, before anything is computed from them.

    Nothing happens where px and py are computed themselves: `tidy_particles` comes after that.

    Args:
        table: awkward array of N jets, as read; its columns change in place.
        data_config: weaver's; the first two variables of `pf_vectors` (`sv_vectors`) are px and py in GeV.

    Returns:
        Number of slots left out.
    """
    number = 0
    for vectors, names in _groups(data_config):
        if set(vectors[:2]) <= set(table.fields):
            prefix = vectors[0].removesuffix("px")  # part_ or sv_: particles and vertices may have as many slots
            alike = [name for name in table.fields if name in names or (prefix and name.startswith(prefix))]
            number += _without_empty(table, vectors, alike)
    return number


def tidy_particles(table: Any, data_config: Any) -> Tidied:
    """Leave out slots without momentum, and put the particles of highest pT first in jets that are too long.

    The columns of `table` change in place. Jets that weaver does not cut keep their order.

    Args:
        table: awkward array of N jets, with all input variables.
        data_config: weaver's; the first two variables of `pf_vectors` (`sv_vectors`) are px and py in GeV.
    """
    done = Tidied()
    for vectors, names in _groups(data_config):
        num_empty = _without_empty(table, vectors, names)
        found = _hardest_first(table, vectors, names, data_config.preprocess_params[vectors[0]]["length"])
        most = found if found.num_sorted > done.num_sorted else done
        done = replace(most, num_empty=done.num_empty + num_empty)
    return done


def _without_empty(table: Any, vectors: list[str], names: Collection[str]) -> int:
    px, py = (table[name] for name in vectors[:2])
    if px.ndim != 2 or py.ndim != 2:
        return 0
    is_empty = (_flat(px) == 0) & (_flat(py) == 0)
    number = int(is_empty.sum())
    if number:
        counts = np.asarray(ak.num(px))
        _select(table, names, ak.unflatten(~is_empty, counts), counts)
    return number


def _hardest_first(table: Any, vectors: list[str], names: Collection[str], length: int) -> Tidied:
    px, py = (table[name] for name in vectors[:2])
    counts: NDArray[np.int64] = np.asarray(ak.num(px)) if px.ndim == 2 else np.zeros(0, np.int64)
    if not len(counts) or counts.max() <= length:
        return Tidied()
    pt = ak.unflatten(np.hypot(_flat(px), _flat(py)), counts)
    order = ak.argsort(pt, axis=1, ascending=False, stable=True)
    in_order = ak.local_index(pt)
    moves = (counts > length) & np.asarray(ak.any((order != in_order)[:, :length], axis=1))
    if not moves.any():
        return Tidied()
    _select(table, names, ak.where(moves, order, in_order), counts)
    chosen = pt[moves]
    lost = 1 - ak.sum(chosen[order[moves]][:, :length]) / ak.sum(chosen)
    return Tidied(0, int(moves.sum()), length, float(lost))


def _groups(data_config: Any) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the vector variables and all variables of the particles, then those of secondary vertices."""
    for group, vectors in data_config.input_dicts.items():
        if group.endswith(SUFFIX) and len(vectors) >= 2 and data_config.preprocess_params[vectors[0]]["length"]:
            prefix = group.removesuffix(SUFFIX) + "_"
            names = {name for other, found in data_config.input_dicts.items() if other.startswith(prefix)
                     for name in found}  # fmt: skip
            yield vectors, sorted(names)


def _select(table: Any, names: Collection[str], chosen: Any, counts: NDArray[np.int64]) -> None:
    for name in names:
        column = table[name]
        if isinstance(column, ak.Array) and column.ndim == 2 and np.array_equal(ak.num(column), counts):
            table[name] = ak.to_packed(column[chosen])


def _flat(column: Any) -> NDArray[Any]:
    return np.asarray(ak.flatten(column, axis=1))
