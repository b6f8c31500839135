"""What a published data set is made of: its record, and how its files get into weaver's layout."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.download import RemoteFile
from hepjepa_weaver.datasets.parquet_files import note_of
from hepjepa_weaver.datasets.records import Record

RAW = "raw"
"""Folder of what was downloaded."""


@dataclass(frozen=True)
class PublishedSet:
    """A data set to download.

    Attributes:
        record: where its files are.
        is_done: whether what a remote file becomes is in the folder already.
        make: makes it; returns what to tell the user.
        growth: bytes written for each byte downloaded, for the check of free space.
    """

    record: Record
    is_done: Callable[[RemoteFile, Path], bool]
    make: Callable[[RemoteFile, Path], str]
    growth: float


def converted_set(
    record: Record, convert: Callable[[Path, Path, str], int], parquet_name: Callable[[str], str], growth: float
) -> PublishedSet:
    """Return a data set each of whose files becomes one parquet file.

    Args:
        convert: writes the jets of a file to another one, with a note in its metadata, and returns their number.
        parquet_name: names the parquet file of a remote file.
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
