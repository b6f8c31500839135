"""Arrays of HDF5 files, read in pieces."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError


@contextmanager
def open_arrays(path: Path) -> Iterator[dict[str, Any]]:
    """Open a file and give the arrays at its top by name.

    Raises:
        UserError: the file cannot be read.
    """
    from tables import HDF5ExtError, open_file  # noqa: PLC0415 - it takes its time, and few files need it

    try:
        file = open_file(str(path))
    except (OSError, HDF5ExtError) as error:
        raise UserError(f"{path} cannot be read as an HDF5 file: get it again") from error
    with file:
        yield {node.name: node for node in file.iter_nodes("/") if hasattr(node, "shape")}


def piece_of(path: Path, array: Any, start: int, number: int) -> NDArray[Any]:
    """Return `number` rows of an array from `start` on.

    Raises:
        UserError: the file is damaged there.
    """
    from tables import HDF5ExtError  # noqa: PLC0415

    try:
        return np.asarray(array[start : start + number])
    except (OSError, HDF5ExtError) as error:
        raise UserError(f"{path} is damaged behind jet {start}: get it again") from error
