"""Tables of jets joined to pieces that are fast to read: baskets of ROOT files, row groups of parquet files."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import awkward as ak

JETS_PER_PIECE = 10_000


def larger_pieces(tables: Iterable[Any], join: Callable[[list[Any]], Any] = ak.concatenate) -> Iterator[Any]:
    """Yield the same jets in pieces of `JETS_PER_PIECE` or more; only the last one may be smaller."""
    held: list[Any] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= JETS_PER_PIECE:
            yield join(held)
            held = []
    if held:
        yield join(held)
