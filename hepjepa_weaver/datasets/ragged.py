"""Columns of jets as weaver's padding and our commands understand them: ragged, without nulls, of plain numbers.

Files also hold fixed arrays filled up with zeros, nulls, half precision, or unsigned numbers.
"""

from collections.abc import Collection
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.common.errors import UserError

LARGEST_SIGNED = np.iinfo(np.int64).max
OTHER_TYPES = {"float16": "float32", "uint64": "int64"}
"""Types that torch or awkward lacks operations for, and the type that takes their place."""


def as_ragged(table: Any, as_they_are: Collection[str] = (), unknown: Collection[str] = ()) -> Any:
    """Return a table of N jets whose columns are numbers per jet, or ragged numbers per particle.

    Args:
        table: awkward array of records.
        as_they_are: columns, such as observers, whose fixed arrays stay.
        unknown: columns, such as labels, in which the null of a whole number is NaN too, and not 0.

    Raises:
        UserError: an unsigned number is too large for a signed one.
    """
    changed = {}
    for name in _in_doubt(table):
        column = _unwrapped(table[name])
        is_plain = _is_plain(column.layout)
        changed[name] = column if is_plain else _plain(column, name, name not in as_they_are, name in unknown)
    for name, column in changed.items():
        table[name] = column
    return table


def _in_doubt(table: Any) -> list[str]:
    """Return the columns that are not plain at first sight, which costs next to nothing."""
    layout = table.layout
    if not isinstance(layout, ak.contents.RecordArray):
        return list(table.fields)
    columns = zip(layout.fields, layout.contents, strict=True)
    return [name for name, column in columns if len(column) != len(layout) or not _is_plain(column)]


def _unwrapped(column: Any) -> Any:
    """Return a column without the marks of columns that could hold nulls and hold none, as pyarrow sets them."""
    layout, unmasked = column.layout, ak.contents.UnmaskedArray
    if isinstance(layout, unmasked):
        layout = layout.content
    if isinstance(layout, ak.contents.ListOffsetArray) and isinstance(layout.content, unmasked):
        layout = ak.contents.ListOffsetArray(layout.offsets, layout.content.content)
    return ak.Array(layout)


def _is_plain(layout: Any) -> bool:
    """Tell whether weaver can take a column as it is."""
    if isinstance(layout, ak.contents.ListOffsetArray):
        starts_at_0 = layout.offsets[0] == 0 and layout.offsets[-1] == len(layout.content)
        return starts_at_0 and isinstance(layout.content, ak.contents.NumpyArray) and _is_plain(layout.content)
    return isinstance(layout, ak.contents.NumpyArray) and layout.data.ndim == 1 and str(layout.dtype) not in OTHER_TYPES


def _plain(column: Any, name: str, is_ragged: bool, is_unknown: bool) -> Any:
    column = ak.to_packed(column)
    if ak.fields(column) or "string" in str(column.type):
        return column  # no numbers: weaver says so where an expression needs them
    if is_ragged and column.ndim > 1:
        column = ak.from_regular(column, axis=1)
    if is_unknown and ak.any(ak.is_none(column, axis=0)):
        column = ak.values_astype(column, "float64")
    column = _without_nulls(column)
    kind = str(ak.type(column)).rpartition("* ")[2]
    if kind == "uint64" and len(ak.flatten(column, axis=None)) and ak.max(column, axis=None) > LARGEST_SIGNED:
        raise UserError(f"{name} holds {ak.max(column, axis=None)}, too large for a signed number: leave it out")
    return ak.to_packed(ak.values_astype(column, OTHER_TYPES[kind]) if kind in OTHER_TYPES else column)


def _without_nulls(column: Any) -> Any:
    """Return a column whose null lists are empty and whose null numbers are NaN, or 0 in columns of integers."""
    if "?" not in str(column.type) and "option" not in str(column.type):
        return column
    if column.ndim > 1:
        has_nulls = ak.any(ak.is_none(column, axis=0))
        column = ak.fill_none(column, [], axis=0) if has_nulls else ak.drop_none(column, axis=0)
    kind = np.dtype(str(column.type).rpartition("* ")[2].strip("?]").rpartition("[")[2])
    return ak.fill_none(column, kind.type(np.nan if kind.kind == "f" else 0), axis=-1)
