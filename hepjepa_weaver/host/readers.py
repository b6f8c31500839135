"""One file in one of weaver's formats, read with weaver's reader for it; failures are noted."""

import math
import os
import re
import traceback
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import awkward as ak

from hepjepa_weaver.datasets.ragged import as_ragged
from hepjepa_weaver.host.input_files import can_look_into, columns_of, looked_into, tree_in
from hepjepa_weaver.host.label_columns import label_columns
from hepjepa_weaver.host.notes import NOTES
from hepjepa_weaver.weaver_api.loaders import reader
from hepjepa_weaver.weaver_api.log import logger

MADE_HERE = {"file", "entry", "aux_training_"}
"""Columns that are made after reading, by weaver or by `host.reading`."""


def read_file(
    path: str, wanted: Iterable[str], load_range: Any, data_config: Any, may_lack: Collection[str] = ()
) -> tuple[Any, int] | None:
    """Return columns of a part of a file as an awkward array, and the number of its first jet.

    If reading fails, the result is None, with a log entry and a note. Parts of a file share no jet. Weaver's readers
    give at least one jet of each part, so that small parts repeat some.

    Args:
        path: the file.
        wanted: names of columns, as the data config has them.
        load_range: begin and end as fractions of the file; None for all of it.
        data_config: weaver's.
        may_lack: columns that may be missing.

    Raises:
        UserError: a column holds what weaver cannot take.
    """
    magic = data_config.file_magic or {}
    names = [name for name in wanted if name not in {*magic, *MADE_HERE}]
    first, last = load_range or (0, 1)
    try:
        start, stop = entries_between(path, first, last, data_config)
        if may_lack:
            there = columns_of(path, data_config)
            names = [name for name in names if name not in may_lack or name in there]
        table = _read(path, names, (first, last), data_config)
        table = table[: stop - start] if stop is not None else table
    except Exception as error:  # damage raises errors of any kind, and weaver goes on
        NOTES.write("failed", path=path, start=first, stop=last, reason=" ".join(str(error).split())[:200])
        logger.error("When reading file %s:\n%s", path, traceback.format_exc())
        return None
    # Flags of classes are 0 where they are null: such a jet has no class, and needs no NaN to say so.
    unknown = label_columns(data_config) if data_config.label_type == "custom" else ()
    table = as_ragged(table, data_config.observer_names, unknown)
    for name, value_of in magic.items():
        table[name] = next((value for pattern, value in value_of.items() if re.search(pattern, path)), 0)
    return table, start


def entries_between(path: str, first: float, last: float, data_config: Any) -> tuple[int, int | None]:
    """Return the numbers of the first jet of a part of a file, and of that behind the last one.

    The second is None for a file whose number of jets is known only after reading (.awkd).
    """
    if not can_look_into(path):
        return 0, None
    number, _ = looked_into(path, data_config)
    return math.trunc(first * number), math.trunc(last * number)


def _read(path: str, names: Sequence[str], load_range: tuple[float, float], data_config: Any) -> Any:
    ending = os.path.splitext(path)[1]
    if ending == ".h5":
        return read_hdf5(path, names, load_range)
    if ending != ".root":
        return reader(ending)(path, names, load_range=load_range)
    name = tree_in(path, data_config.treename or None)
    return reader(ending)(path, names, load_range=load_range, treename=name, branch_magic=data_config.branch_magic)


def read_hdf5(path: str, names: Sequence[str], load_range: tuple[float, float]) -> Any:
    """Return a part of the arrays at the top of an HDF5 file; weaver's reader reads them whole each time."""
    import tables  # noqa: PLC0415 - it takes its time, and few files need it

    with tables.open_file(path) as file:
        nodes = {name: file.get_node("/", name) for name in names}
        number = len(next(iter(nodes.values())))
        start, stop = (math.trunc(end * number) for end in load_range)
        return ak.Array({name: node[start:stop] for name, node in nodes.items()})
