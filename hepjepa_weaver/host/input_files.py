"""Checks before the first jet is read: are the input files there, and can weaver read them?"""

import functools
import glob
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet
import uproot

from hepjepa_weaver.common.errors import UserError, first_line
from hepjepa_weaver.datasets.root_files import name_of_tree

TREENAME = "treename in the data config"
MADE_BY_WEAVER = ("aux_training_",)
"""Columns that weaver adds to those it has read."""
FILE_SIGNATURES = {".root": b"root", ".parquet": b"PAR1", ".h5": b"\x89HDF", ".awkd": b"PK\x03\x04"}
"""First bytes of the file types that weaver reads."""


def check_data_arguments(args: Any) -> None:
    """Check the files that weaver was given for training, validation and test.

    A test needs all of its jets. In training and validation, files that are missing or hold no jets are left out later
    with a warning (`hepjepa_weaver.host.unreadable`).

    Args:
        args: weaver's parsed command line.

    Raises:
        UserError: a pattern matches nothing, there is no file at all, or the content of a test file does not agree with
            its ending.
    """
    for option in ("data_train", "data_val", "data_test"):
        patterns = getattr(args, option)
        found = {pattern: glob.glob(pattern.rpartition(":")[2]) for pattern in patterns}
        for pattern, files in found.items():
            is_name = glob.escape(pattern) == pattern
            may_be_left_out = is_name and option != "data_test" and any(found.values())
            if not files and not may_be_left_out:
                flag = "--" + option.replace("_", "-")
                raise UserError(f"{flag} {pattern} matches no file: check the path, and quote the pattern")
            for path in files if option == "data_test" else ():
                check_file(path)


def matching_files(patterns: Sequence[str]) -> list[str]:
    """Return the files that a command line names, by patterns that may stand behind the name of a group, sorted."""
    return sorted(path for pattern in patterns for path in glob.glob(pattern.rpartition(":")[2]))


def some_matching_files(patterns: Sequence[str], most: int) -> list[str]:
    """Return at most `most` of the files that a command line names, evenly among all in their order."""
    paths = matching_files(patterns)
    places = np.linspace(0, len(paths) - 1, min(len(paths), most))
    return sorted({paths[int(place)] for place in places})


def missing_files(patterns: Sequence[str]) -> list[str]:
    """Return the files that a command line names, not by a pattern, and that are not there."""
    names = [pattern.rpartition(":")[2] for pattern in patterns]
    return [name for name in names if glob.escape(name) == name and not os.path.exists(name)]


@functools.cache
def check_file(path: str) -> None:
    """Raise a UserError unless the file's first bytes agree with its ending."""
    ending = os.path.splitext(path)[1]
    if ending not in FILE_SIGNATURES:
        raise UserError(f"{path}: weaver reads {', '.join(FILE_SIGNATURES)} files only; convert it or leave it out")
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): mend or leave it out") from None
    if start != FILE_SIGNATURES[ending]:
        raise UserError(f"{path} is no {ending[1:]} file (its content says otherwise): get it again or leave it out")


def count_readable(
    path: str, config: Any, is_test: bool = False, may_lack: Collection[str] = (), may_be_empty: bool = False
) -> int | None:
    """Return the number of jets in a file that has all columns of the data config, without reading a jet.

    The number is None if it is known only after reading (.awkd).

    Args:
        path: the file.
        config: weaver's data config.
        is_test: look for the columns of a test, observers included.
        may_lack: columns that may be missing.
        may_be_empty: take a file without jets.

    Raises:
        UserError: weaver would not get any jet out of the file.
    """
    check_file(path)
    if not can_look_into(path):
        return None
    count, columns = looked_into(path, config)
    made = {*(config.file_magic or {}), *MADE_BY_WEAVER, *may_lack}
    wanted = {*(config.test_load_branches if is_test else config.train_load_branches)} - made
    missing = sorted(wanted - columns - _renamed(wanted, columns, config.branch_magic or {}))
    if missing:
        raise UserError(f"{path} {_lacks(missing, wanted, columns)}")
    if not count and not may_be_empty:
        raise UserError(f"{path} holds no jets: leave it out")
    return count


def _lacks(missing: Sequence[str], wanted: Collection[str], columns: Collection[str]) -> str:
    """Say which columns a file lacks, or that it is of another layout."""
    if len(missing) == len(wanted):
        return (
            f"is of another layout: it has {', '.join(sorted(columns)[:8]) or 'no columns'} and none of "
            f"{', '.join(missing)}; convert it, or give another data config"
        )
    return (
        f"has no {', '.join(missing)}, which the data config asks for: correct the names in the data config, or leave "
        "the file out"
    )


def columns_of(path: str, config: Any) -> frozenset[str]:
    """Return the columns of a file, by the names that the data config has for them."""
    wanted = config.train_load_branches | config.test_load_branches
    _, columns = looked_into(path, config)
    return columns | _renamed(wanted, columns, config.branch_magic or {})


def can_look_into(path: str) -> bool:
    """Tell whether the number of jets of a file is known before reading it."""
    return os.path.splitext(path)[1] in LOOKS


def looked_into(path: str, config: Any) -> tuple[int, frozenset[str]]:
    """Return the number of jets in a file, and its columns, without reading a jet.

    Raises:
        UserError: the file cannot be read.
    """
    return _looked_into(path, config.treename or None, os.path.getmtime(path))


@functools.lru_cache(maxsize=100_000)
def _looked_into(path: str, treename: str | None, _modified: float) -> tuple[int, frozenset[str]]:
    try:
        return LOOKS[os.path.splitext(path)[1]](path, treename)
    except UserError:
        raise
    except Exception as error:  # damage raises errors of any kind; weaver would go on, too
        raise UserError(f"{path} cannot be read ({first_line(error)}): get it again or leave it out") from error


def _look_into_root(path: str, treename: str | None) -> tuple[int, frozenset[str]]:
    with uproot.open(path) as file:
        if os.path.getsize(path) < file.file.fEND:  # its first jets could be read nevertheless
            raise RuntimeError(f"it is cut off after {os.path.getsize(path)} of {file.file.fEND} bytes")
        tree = file[name_of_tree(file, treename, path, TREENAME)]
        return int(tree.num_entries), frozenset(key.rpartition("/")[2] for key in tree.keys(recursive=True))


@functools.lru_cache(maxsize=100_000)
def tree_in(path: str, treename: str | None) -> str:
    """Return the name of the tree of a ROOT file: weaver looks for TTrees alone, and reads an RNTuple by its name."""
    with uproot.open(path) as file:
        return name_of_tree(file, treename, path, TREENAME)


def _renamed(wanted: Collection[str], names: Collection[str], magic: Mapping[str, str]) -> frozenset[str]:
    """Return the columns that are there under another name, as weaver's `branch_magic` says."""

    def decoded(name: str) -> str:
        return functools.reduce(lambda text, pair: text.replace(*pair), magic.items(), name)

    return frozenset(name for name in wanted if decoded(name) in names)


def _look_into_parquet(path: str, _treename: str | None) -> tuple[int, frozenset[str]]:
    with pyarrow.parquet.ParquetFile(path) as file:
        return file.metadata.num_rows, frozenset(file.schema_arrow.names)


def _look_into_hdf5(path: str, _treename: str | None) -> tuple[int, frozenset[str]]:
    import tables  # noqa: PLC0415 - it takes its time, and few files need it

    with tables.open_file(path) as file:
        arrays = {node.name: len(node) for node in file.iter_nodes("/") if hasattr(node, "__len__")}
        return min(arrays.values(), default=0), frozenset(arrays)


LOOKS: dict[str, Callable[[str, str | None], tuple[int, frozenset[str]]]] = {
    ".root": _look_into_root,
    ".parquet": _look_into_parquet,
    ".h5": _look_into_hdf5,
}
