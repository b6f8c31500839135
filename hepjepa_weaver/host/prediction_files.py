"""ROOT files of predictions that hold the last jet, too."""

from collections.abc import Callable
from typing import Any

import uproot

from hepjepa_weaver.weaver_api.loaders import fileio
from hepjepa_weaver.weaver_api.substitutes import replace_function

STEP = 2**20
"""Number of jets written at once, as by weaver."""


def install() -> None:
    """Put the writer of this module in the place of weaver's.

    Raises:
        WeaverChanged: weaver has no `_write_root`.
    """
    replace_function(fileio, "_write_root", writer)


def writer(_weavers: Callable[..., None]) -> Callable[..., None]:
    """Return a substitute for weaver's writer, which loses the last jet of 1, 2²⁰ + 1, 2 · 2²⁰ + 1, … jets."""

    def write_root(file: str, table: Any, treename: str = "Events", compression: Any = -1, step: int = STEP) -> None:
        with uproot.recreate(file, compression=uproot.LZ4(4) if compression == -1 else compression) as output:
            tree = output.mktree(treename, {name: table[name].type for name in table.fields})
            for start in range(0, len(table), step):
                tree.extend({name: table[name][start : start + step] for name in table.fields})

    return write_root
