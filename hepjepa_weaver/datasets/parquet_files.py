"""Reading of chosen jets from weaver's parquet files, and writing them again."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.datasets.pieces import larger_pieces
from hepjepa_weaver.datasets.ragged import as_ragged

CHUNK = 10_000  # jets held at once
NOTE = b"hepjepa_weaver"
TAIL = 8  # bytes at the end: the length of the footer and a mark


def count_jets(path: Path) -> int:
    """Return the number of jets in `path`.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a parquet file: make it anew") from error


def file_identity(path: Path) -> str:
    """Return the SHA-256 of the footer, which lists the positions, sizes and extremes of all columns."""
    with path.open("rb") as file:
        file.seek(-TAIL, 2)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-TAIL - length, 2)
        return hashlib.sha256(file.read(length)).hexdigest()


@contextmanager
def readable(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a parquet file, and name the file if it turns out to be damaged.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path} is damaged ({reason}): get or make it anew") from error


def flat_columns(path: Path, names: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield columns with one number per jet, `CHUNK` jets at a time.

    Raises:
        KeyError: a column is missing.
    """
    with readable(path) as file:
        for name in names:
            if name not in file.schema_arrow.names:
                raise KeyError(name)
        for batch in file.iter_batches(CHUNK, columns=list(names)):
            yield {name: batch[name].to_numpy(zero_copy_only=False) for name in names}


def copy_jets(parts: Mapping[Path, NDArray[np.int64]], target: Path) -> None:
    """Write rows (ascending) of several files to one file, whole or not at all, chunk by chunk.

    Raises:
        UserError: the files differ in their columns.
    """
    first = next(iter(parts))
    schema = pq.read_schema(first)

    def tables() -> Iterator[pa.Table]:
        for path, rows in parts.items():
            if not pq.read_schema(path).equals(schema):
                raise UserError(f"{path} and {first} differ in their columns: keep files of one kind together")
            yield from _read(path, rows)

    with written_whole(target) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for row_group in larger_pieces(tables(), pa.concat_tables):
            writer.write_table(row_group)


def write_parquet(tables: Iterable[Any], path: Path, note: str = "") -> int:
    """Write tables of jets one after the other, whole or not at all, and return the number of jets.

    Args:
        tables: the jets.
        path: the file to write.
        note: kept in the file's metadata; `note_of` returns it.

    Raises:
        UserError: there are no jets.
    """
    n_jets, writer = 0, None
    with written_whole(path) as temporary:
        try:
            for table in tables:
                arrow = ak.to_arrow_table(table, extensionarray=False)
                arrow = arrow.replace_schema_metadata({NOTE: note})
                writer = writer or pq.ParquetWriter(temporary, arrow.schema, compression="zstd")
                writer.write_table(arrow)
                n_jets += len(table)
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise UserError(f"{path}: no jets to write")
    return n_jets


def write_like(source: Path, tables: Iterable[Any], target: Path) -> None:
    """Write tables of jets as `source` holds them; for parquet files, the tables themselves say everything."""
    write_parquet(tables, target)


def note_of(path: Path) -> str | None:
    """Return the note of a parquet file that `write_parquet` wrote, None for any other file."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, ValueError):
        return None
    return metadata[NOTE].decode() if NOTE in metadata else None


def read_all(path: Path) -> Iterator[Any]:
    """Yield all jets of `path`, `CHUNK` at a time, as awkward arrays."""
    with readable(path) as file:
        for batch in file.iter_batches(CHUNK):
            yield as_ragged(ak.from_arrow(pa.Table.from_batches([batch])))


def _read(path: Path, rows: NDArray[np.int64]) -> Iterator[pa.Table]:
    """Yield the chosen rows, without reading row groups that hold none of them."""
    with readable(path) as file:
        first = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            inside = rows[(rows >= first) & (rows < first + size)] - first
            if len(inside):
                yield from _chosen(file.iter_batches(CHUNK, row_groups=[group]), inside)
            first += size


def _chosen(batches: Iterator[Any], rows: NDArray[np.int64]) -> Iterator[pa.Table]:
    first = 0
    for batch in batches:
        inside = rows[(rows >= first) & (rows < first + len(batch))] - first
        first += len(batch)
        if len(inside):
            yield pa.Table.from_batches([batch]).take(inside)
