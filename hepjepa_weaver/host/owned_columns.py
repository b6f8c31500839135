"""Labels and observers that may be kept for as long as a test takes."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


class OwnedColumns:
    """A weaver loader whose labels and observers own their memory.

    What a worker process sends keeps a file open for as long as it lives, and weaver keeps labels and observers of
    all batches to the end: on a CPU, a test of some thousand batches ran out of files.
    """

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    @property
    def dataset(self) -> Any:
        return self.loader.dataset

    def __iter__(self) -> Iterator[tuple[Mapping[str, Tensor], dict[str, Any], dict[str, Any]]]:
        for inputs, labels, observers in self.loader:
            yield inputs, owned(labels), owned(observers)


def owned(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Copies of the tensors among `columns`."""
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in columns.items()}
