"""Checks before the first jet is read: are the input files there, and can weaver read them?"""

import functools
import glob
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow.parquet
import uproot

from hepjepa_weaver.common.errors import UserError

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


def count_readable(path: str, config: Any, is_test: bool = False) -> int | None:
    """Return the number of jets in a file that has all columns of the data config, without reading a jet.

    The number is None if it is known only after reading (.h5, .awkd).

    Raises:
        UserError: weaver would not get any jet out of the file.
    """
    check_file(path)
    wanted = [name for name in (config.test_load_branches if is_test else config.train_load_branches)
              if name not in {*(config.file_magic or {}), *MADE_BY_WEAVER}]  # fmt: skip
    look = LOOKS.get(os.path.splitext(path)[1])
    if look is None:
        return None
    try:
        count, columns = look(path, config, wanted)
    except Exception as error:  # damage raises errors of any kind; weaver would go on, too
        raise UserError(f"{path} cannot be read ({_first_line(error)}): get it again or leave it out") from error
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise UserError(
            f"{path} has no {', '.join(sorted(missing)[:3])}, which the data config asks for: correct the name in the "
            "data config, or leave the file out"
        )
    if not count:
        raise UserError(f"{path} holds no jets: leave it out")
    return count


def _look_into_root(path: str, config: Any, wanted: Sequence[str]) -> tuple[int, set[str]]:
    """Return the number of jets and the columns, by the names that the data config has for them."""
    with uproot.open(path) as file:
        if os.path.getsize(path) < file.file.fEND:  # its first jets could be read nevertheless
            raise RuntimeError(f"it is cut off after {os.path.getsize(path)} of {file.file.fEND} bytes")
        tree = tree_of_jets(file, config.treename)
        keys = tree.keys(recursive=True)
        names = {key.rpartition("/")[2] for key in keys}
        return int(tree.num_entries), names | _renamed(wanted, names, config.branch_magic or {})


def tree_of_jets(file: Any, treename: str | None) -> Any:
    """Return the tree of an open ROOT file that weaver reads.

    Raises:
        ValueError: no tree is named, and the file has none or several.
    """
    trees = {key.partition(";")[0] for key, kind in file.classnames().items() if kind == "TTree"}
    if not treename and len(trees) != 1:
        names = ", ".join(sorted(trees)) or "none"
        raise ValueError(f"it has {len(trees)} trees: name one as treename in the data config ({names})")
    return file[treename or trees.pop()]


def _renamed(wanted: Sequence[str], names: set[str], magic: Mapping[str, str]) -> set[str]:
    """Return the columns that are there under another name, as weaver's `branch_magic` says."""

    def decoded(name: str) -> str:
        return functools.reduce(lambda text, pair: text.replace(*pair), magic.items(), name)

    return {name for name in wanted if decoded(name) in names}


def _look_into_parquet(path: str, _config: Any, _wanted: Sequence[str]) -> tuple[int, set[str]]:
    with pyarrow.parquet.ParquetFile(path) as file:
        return file.metadata.num_rows, set(file.schema_arrow.names)


LOOKS: dict[str, Callable[[str, Any, Sequence[str]], tuple[int, set[str]]]] = {
    ".root": _look_into_root,
    ".parquet": _look_into_parquet,
}


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
