"""What a conversion is asked for, besides files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hepjepa_weaver.conversion.jet_batch import JetBatch


@dataclass(frozen=True)
class Request:
    """Options of a conversion that its reader needs.

    Attributes:
        jets: collection of jets in files of events, such as FatJet; "" takes the layout's first one.
        columns: further branches to carry over, of events or jets.
        vertices: whether to add secondary vertices.
        radius: radius of the jets, for their labels; None takes it from the name of the collection.
    """

    jets: str = ""
    columns: tuple[str, ...] = ()
    vertices: bool = False
    radius: float | None = None


class Reader(Protocol):
    """Interface of the module for each layout of input files; the functions there say what they raise."""

    D0_ERROR: str
    """Name of the branch with errors of d0, for messages."""

    def count_entries(self, path: Path) -> int:
        """Return the number of entries of a file: events, or jets."""
        ...

    def read(self, path: Path, request: Request) -> Iterator[JetBatch]:
        """Yield the jets of a file, some entries at a time."""
        ...
