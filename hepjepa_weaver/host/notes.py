"""Notes that weaver's reading processes leave for the process that trains, in a file that they share."""

import atexit
import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any


class Notes:
    """Small dictionaries, written in any process and read once in the one that started the others.

    The reading processes are forked, so that they write to the same unnamed file.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115 - shared with the forked readers
        atexit.register(self._file.close)
        self._position = 0
        self._pending: list[dict[str, Any]] = []

    def write(self, kind: str, **values: Any) -> None:
        """Leave a note of a kind."""
        self._file.write(json.dumps({"kind": kind, **values}).encode() + b"\n")

    def take(self, kind: str, **wanted: Any) -> Iterator[dict[str, Any]]:
        """Yield each note of a kind whose values are among the wanted ones, and forget it.

        Args:
            kind: the kind of note.
            wanted: for each named value a collection that must hold it.
        """
        self._take_up()
        found = [note for note in self._pending if note["kind"] == kind and _agrees(note, wanted)]
        self._pending = [note for note in self._pending if note not in found]
        yield from found

    def _take_up(self) -> None:
        size = os.fstat(self._file.fileno()).st_size
        content = os.pread(self._file.fileno(), size - self._position, self._position)
        self._position = size
        self._pending += [json.loads(line) for line in content.decode().splitlines()]


def _agrees(note: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(note[name] in values for name, values in wanted.items())


NOTES = Notes()
