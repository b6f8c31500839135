"""Jets that go through the transformer together."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Group:
    """Jets `start` up to, not including, `stop` of a batch; none has more than `length` particles."""

    start: int
    stop: int
    length: int

    @property
    def jets(self) -> slice:
        return slice(self.start, self.stop)


def groups_of(lengths: Tensor, width: int, device: torch.device) -> list[Group]:
    """All jets at once."""
    return [Group(0, len(lengths), max(int(lengths.max()), 1))]
