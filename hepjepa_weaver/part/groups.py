"""Groups of neighbouring jets that go through the transformer together, padded to the longest of the group."""

from dataclasses import dataclass

import torch
from torch import Tensor

CPU_GROUP_FLOATS = 2**19
"""Size of the widest activation of a group on a CPU, in numbers: 2 MiB, a good part of a level-2 cache."""


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
    """Groups of jets of given `lengths` (N,), a tensor on the host, for a transformer of `width` D.

    A GPU takes all jets at once. On a CPU a group is as large as the cache likes; the padding saved depends on how
    far the jets are sorted by length (`Jets.sorted_by_length`), the result does not.
    """
    sizes = [max(length, 1) for length in lengths.tolist()]
    if device.type != "cpu":
        return [Group(0, len(sizes), max(sizes))]
    limit = max(CPU_GROUP_FLOATS // (4 * width), 1)
    groups, start, longest = [], 0, 0
    for index, size in enumerate(sizes):
        if index > start and max(longest, size) * (index + 1 - start) > limit:
            groups.append(Group(start, index, longest))
            start, longest = index, 0
        longest = max(longest, size)
    return [*groups, Group(start, len(sizes), longest)]
