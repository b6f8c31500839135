"""Parts of a published data set: its record, and the conversion of its files to weaver's layout."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.download import RemoteFile
from hepjepa_weaver.datasets.parquet_files import note_of
from hepjepa_weaver.datasets.records import Record

RAW = "raw"
"""Folder of the downloaded files."""


@dataclass(frozen=True)
class PublishedSet:
    """A data set to download.

    Attributes:
        record: record of its files.
        is_done: tells whether the folder already holds what a remote file becomes.
        make: makes that, and returns a message for the user.
        growth: bytes written per byte downloaded, for the check of free space.
    """

    record: Record
    is_done: Callable[[RemoteFile, Path], bool]
    make: Callable[[RemoteFile, Path], str]
    growth: float


def converted_set(
    record: Record, convert: Callable[[Path, Path, str], int], parquet_name: Callable[[str], str], growth: float
) -> PublishedSet:
    """Return a data set whose files each become one parquet file.

    Args:
        record: record of the files.
        convert: writes the jets of a file to another one, with a note in its metadata, and returns their number.
        parquet_name: names the parquet file of a remote file.
        growth: bytes written per byte downloaded.
    """

    def make(file: RemoteFile, folder: Path) -> str:
        target = folder / parquet_name(file.name)
        n_jets = convert(folder / RAW / file.name, target, source_of(file))
        return f"{file.name}: {n_jets} jets in {target}"

    def is_done(file: RemoteFile, folder: Path) -> bool:
        target = folder / parquet_name(file.name)
        if not target.exists():
            return False
        if note_of(target) != source_of(file):
            raise UserError(f"{target} is there and was not made from {file.name} by this script: move it away")
        return True

    return PublishedSet(record, is_done, make, growth)


def source_of(file: RemoteFile) -> str:
    """Name a remote file with its checksum, as parquet files keep it."""
    return f"{file.name} MD5 {file.md5}"
