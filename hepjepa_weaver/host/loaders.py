"""Weaver's loaders with additions: ranks that stop together, copied columns, counted jets."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.runtime.ranks import batches_of_all

Batch = tuple[Mapping[str, Tensor], dict[str, Any], dict[str, Any]]
"""Inputs, labels and observers."""


class Loader:
    """A weaver loader, or a loader around one."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    @property
    def dataset(self) -> Any:
        """Dataset of the weaver loader."""
        return self.loader.dataset

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.loader)


class InStep(Loader):
    """Batches that end on all ranks as soon as one rank has no more."""

    def __init__(self, loader: Any, device: torch.device) -> None:
        super().__init__(loader)
        self.device = device

    def __iter__(self) -> Iterator[Batch]:
        return batches_of_all(self.loader, self.device)


class OwnedColumns(Loader):
    """Batches whose labels and observers own their memory.

    Data from a worker process keeps a file open as long as it lives. Weaver keeps labels and observers of all batches
    to the end. On a CPU, a test of some thousand batches reached the limit of open files.
    """

    def __iter__(self) -> Iterator[Batch]:
        for inputs, labels, observers in self.loader:
            yield inputs, owned(labels), owned(observers)


class CountedJets(Loader):
    """Batches whose jets are counted as they are taken.

    Args:
        loader: the loader.
        nothing: makes the error to raise if there is no batch, which weaver's loops do not expect.
    """

    def __init__(self, loader: Any, nothing: Callable[[], Exception]) -> None:
        super().__init__(loader)
        self.num_jets = 0
        self.nothing = nothing

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.loader:
            self.num_jets += _num_jets(batch[0].values())
            yield batch
        if not self.num_jets:
            raise self.nothing()


def owned(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return `columns` with copies of the tensors."""
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in columns.items()}


def _num_jets(inputs: Iterable[Tensor]) -> int:
    return len(next(iter(inputs)))
