"""Reading of chosen jets from weaver's HDF5 files, an array for each column at the top, and writing them again.

Columns of particles are fixed arrays (N jets, P slots), filled up with zeros; weaver has no ragged ones in HDF5.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import checksum, written_whole
from hepjepa_weaver.datasets.ragged import as_ragged

CHUNK = 10_000  # jets held at once


def count_jets(path: Path) -> int:
    """Return the number of jets in `path`.

    Raises:
        UserError: the file cannot be read, or its arrays differ in length.
    """
    with _arrays(path) as arrays:
        return _length(path, arrays)


def file_identity(path: Path) -> str:
    """Return the SHA-256 of the file: HDF5 files have no identity of their own."""
    return checksum(path, "sha256")


def flat_columns(path: Path, names: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield columns with one number per jet, `CHUNK` jets at a time.

    Raises:
        KeyError: a column is missing.
        UserError: the file is damaged.
    """
    with _arrays(path) as arrays:
        for name in names:
            if name not in arrays:
                raise KeyError(name)
        for start in range(0, _length(path, arrays), CHUNK):
            yield _piece(path, {name: arrays[name] for name in names}, start)


def copy_jets(parts: Mapping[Path, NDArray[np.int64]], target: Path) -> None:
    """Write entries (ascending) of several files to one file, whole or not at all.

    Raises:
        UserError: the files differ in their columns.
    """

    def tables() -> Iterator[Any]:
        for path, entries in parts.items():
            first = 0
            for jets in read_all(path):
                inside = entries[(entries >= first) & (entries < first + len(jets))] - first
                first += len(jets)
                if len(inside):
                    yield jets[inside]

    write_like(next(iter(parts)), tables(), target)


def read_all(path: Path) -> Iterator[Any]:
    """Yield all jets of `path`, `CHUNK` at a time, as awkward arrays."""
    with _arrays(path) as arrays:
        for start in range(0, _length(path, arrays), CHUNK):
            yield as_ragged(ak.Array(_piece(path, arrays, start)))


def write_like(source: Path, tables: Iterable[Any], target: Path) -> None:
    """Write tables of jets; each column has as many slots as in `source`, a new one as the longest jet of all.

    Raises:
        UserError: there are no jets, or they differ in their columns.
    """
    from tables import open_file  # noqa: PLC0415 - it takes its time, and few files need it

    with _arrays(source) as arrays:
        slots = {name: int(array.shape[1]) for name, array in arrays.items() if len(array.shape) == 2}
    jets = list(tables)
    if not jets:
        raise UserError(f"{target}: no jets to write")
    if len({tuple(table.fields) for table in jets}) > 1:
        raise UserError(f"{target}: the jets differ in their columns: keep files of one kind together")
    with written_whole(target) as temporary, open_file(str(temporary), "w") as file:
        for name in jets[0].fields:
            column = ak.concatenate([table[name] for table in jets])
            file.create_array("/", name, obj=_padded(column, slots.get(name, 1)))


def _padded(column: Any, slots: int) -> NDArray[Any]:
    """Return a ragged column as a fixed array of zeros behind the particles, as long as the longest jet at least."""
    if column.ndim == 1:
        return np.asarray(column)
    slots = max(slots, int(ak.max(ak.num(column))))
    flat = np.asarray(ak.flatten(column))
    padded = np.zeros((len(column), slots), flat.dtype)
    padded[np.arange(slots) < np.asarray(ak.num(column))[:, None]] = flat
    return padded


def _piece(path: Path, arrays: Mapping[str, Any], start: int) -> dict[str, NDArray[Any]]:
    from tables import HDF5ExtError  # noqa: PLC0415 - it takes its time, and few files need it

    try:
        return {name: array[start : start + CHUNK] for name, array in arrays.items()}
    except (OSError, HDF5ExtError) as error:
        raise UserError(f"{path} is damaged behind jet {start}: get or make it anew") from error


def _length(path: Path, arrays: Mapping[str, Any]) -> int:
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) != 1:
        raise UserError(f"{path} has arrays of {len(lengths)} different lengths: it is no file of jets for weaver")
    return int(lengths.pop())


@contextmanager
def _arrays(path: Path) -> Iterator[dict[str, Any]]:
    """Open a file and give its arrays by name; name the file if that fails."""
    from tables import Array, HDF5ExtError, open_file  # noqa: PLC0415 - it takes its time, and few files need it

    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_file(str(path)))
            arrays = {node.name: node for node in file.iter_nodes("/") if isinstance(node, Array) and node.shape}
        except (OSError, HDF5ExtError) as error:
            raise UserError(f"{path} cannot be read as an HDF5 file: get or make it anew") from error
        if not arrays:
            raise UserError(f"{path} has no arrays at its top: weaver reads no other HDF5 files; convert it")
        yield arrays
