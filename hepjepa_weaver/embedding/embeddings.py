"""Embeddings of jets, with the file and the entry of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of N jets, in the order of the files and of the jets in each.

    Attributes:
        embedding: (N, D).
        file: (N,), place of each jet's file among `files`.
        entry: (N,), number of each jet in its file, from 0. Jets that the selection removes are missing.
        files: the files as given; empty for an array.
        observers: (N,) each, further columns by name.
        scores: (N,) each, probabilities of classes and regressed numbers by name, if they were asked for.
    """

    embedding: NDArray[np.float32]
    file: NDArray[np.int64]
    entry: NDArray[np.int64]
    files: tuple[Path, ...] = ()
    observers: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.entry)


def joined(chunks: Sequence[Embeddings], files: tuple[Path, ...], width: int) -> Embeddings:
    """Join pieces in their order.

    Args:
        chunks: the pieces; with none, there are no jets.
        files: the files that `file` of each piece counts.
        width: width D of an embedding.
    """
    if not chunks:
        empty = np.zeros(0, np.int64)
        return Embeddings(np.zeros((0, width), np.float32), empty, empty, files)
    return Embeddings(
        np.concatenate([chunk.embedding for chunk in chunks]),
        np.concatenate([chunk.file for chunk in chunks]),
        np.concatenate([chunk.entry for chunk in chunks]),
        files,
        {name: ak.concatenate([chunk.observers[name] for chunk in chunks]) for name in chunks[0].observers},
        {name: np.concatenate([chunk.scores[name] for chunk in chunks]) for name in chunks[0].scores},
    )


def as_files(source: Any) -> tuple[Path, ...] | None:
    """Return the paths that `source` names; None if it is an array."""
    if isinstance(source, (str, Path)):
        return (Path(source),)
    if isinstance(source, (list, tuple)) and all(isinstance(item, (str, Path)) for item in source):
        return tuple(map(Path, source))
    return None
