"""Are the input files there, and are they what their names say? Asked before the first jet is read."""

import functools
import glob
import os
from typing import Any

from hepjepa_weaver.errors import UserError

FILE_SIGNATURES = {".root": b"root", ".parquet": b"PAR1", ".h5": b"\x89HDF", ".awkd": b"PK\x03\x04"}
"""First bytes of the file types that weaver reads."""


def check_data_arguments(args: Any) -> None:
    """Check every file that weaver was given for training, validation and test.

    Args:
        args: weaver's parsed command line.

    Raises:
        UserError: a pattern that matches nothing, or a file that is not what its ending says.
    """
    for option in ("data_train", "data_val", "data_test"):
        for pattern in getattr(args, option):
            files = glob.glob(pattern.rpartition(":")[2])
            if not files:
                flag = "--" + option.replace("_", "-")
                raise UserError(f"{flag} {pattern} matches no file: check the path, and quote the pattern")
            for path in files:
                check_file(path)


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
