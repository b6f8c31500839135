"""Files of jets of the kinds that weaver reads: ROOT, parquet and HDF5."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets import hdf5_files, parquet_files, root_files


class JetFileKind(Protocol):
    """Interface of the module for each kind of file; the functions there say what they raise."""

    def count_jets(self, path: Path) -> int:
        """Return the number of jets in a file."""
        ...

    def file_identity(self, path: Path) -> str:
        """Return a text that changes when a file is written anew."""
        ...

    def flat_columns(self, path: Path, names: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield columns with one number per jet, piece by piece."""
        ...

    def copy_jets(self, parts: Mapping[Path, NDArray[np.int64]], target: Path) -> None:
        """Write entries (ascending) of several files to one file."""
        ...

    def read_all(self, path: Path) -> Iterator[Any]:
        """Yield all jets of a file, piece by piece, as awkward arrays."""
        ...

    def write_like(self, source: Path, tables: Iterable[Any], target: Path) -> None:
        """Write tables of jets to a file with the layout of `source`."""
        ...


KINDS: dict[str, JetFileKind] = {".root": root_files, ".parquet": parquet_files, ".h5": hdf5_files}


def kind_of(path: Path) -> JetFileKind:
    """Return the module for files with this ending.

    Raises:
        UserError: there is none.
    """
    if path.suffix not in KINDS:
        raise UserError(f"{path} is no file of jets: its name has to end in {' or '.join(KINDS)}")
    return KINDS[path.suffix]


def list_files(sources: Sequence[Path]) -> list[Path]:
    """Return the files of jets among `sources`, which are files and directories, in natural order.

    Raises:
        UserError: a source is neither or holds no files of jets. Also if two files share a name, by which a manifest
            tells files apart, or if the files are of several kinds.
    """
    paths = [path for source in sources for path in _files_of(source)]
    names = [path.name for path in paths]
    for path in paths:
        if names.count(path.name) > 1:
            raise UserError(f"{path.name} is in several of the sources: rename one, so that a manifest can tell them")
    if len({path.suffix for path in paths}) > 1:
        raise UserError(f"{sources[0]} … hold ROOT, parquet or HDF5 files side by side: give those of one kind")
    return paths


def unfolded(sources: Sequence[Path]) -> list[Path]:
    """Return the paths, with the files of jets in a directory in place of the directory.

    Raises:
        UserError: a directory holds no files of jets.
    """
    return [path for source in sources for path in (_files_of(source) if source.is_dir() else [source])]


def class_of(path: Path) -> str:
    """Return the class that a file name gives: `HToBB` for `HToBB_012.root`."""
    return natural_key(path)[0]


def natural_key(path: Path) -> tuple[str, int]:
    """Return stem and number of a file name; a name without a number has 0."""
    stem, _, number = path.stem.rpartition("_")
    return (stem, int(number)) if stem and number.isdecimal() else (path.stem, 0)


def _files_of(source: Path) -> list[Path]:
    if source.is_file():
        kind_of(source)
        return [source]
    found = [path for path in source.glob("*") if path.suffix in KINDS] if source.is_dir() else []
    if not found:
        raise UserError(
            f"{source} holds no {', '.join(KINDS)} files: give a directory of STEM_NNN.root files, or files"
        )
    return sorted(found, key=lambda path: (*natural_key(path), path.name))
