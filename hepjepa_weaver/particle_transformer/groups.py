"""Groups of neighbouring jets that pass the transformer together, padded to the longest of the group."""

from dataclasses import dataclass

import torch
from torch import Tensor

CPU_GROUP_FLOATS = 2**21
"""Size of the widest activation of a group on a CPU, as a number of floats: 8 MiB.

This and the next two constants were found by measuring.
"""
SHORTER = 0.7
"""A jet shorter than this fraction of the group's longest starts a new group, if the group is large enough."""
LARGE_ENOUGH = 1 / 8
"""Fraction of its largest size from which a group may end early: small groups cost more than their padding would."""


@dataclass(frozen=True)
class Group:
    """Jets from `start` up to, not including, `stop` of a batch; none has more than `length` particles."""

    start: int
    stop: int
    length: int

    @property
    def jets(self) -> slice:
        """Slice of the jets in the batch."""
        return slice(self.start, self.stop)


def groups_of(lengths: Tensor, width: int, device: torch.device) -> list[Group]:
    """Divide jets of given `lengths` (N,), a tensor on the host, into groups for a transformer of `width` D.

    A GPU takes all jets at once. On a CPU the groups are small, to fit the cache, and of similar length if the jets are
    sorted by length. The result of the transformer depends on neither.
    """
    sizes = [max(length, 1) for length in lengths.tolist()]
    if device.type != "cpu":
        return [Group(0, len(sizes), max(sizes))]
    limit = CPU_GROUP_FLOATS / (4 * width)
    groups, start, longest = [], 0, 0
    for index, size in enumerate(sizes):
        is_full = max(longest, size) * (index + 1 - start) > limit
        pads_much = size < SHORTER * longest and longest * (index - start) > LARGE_ENOUGH * limit
        if index > start and (is_full or pads_much):
            groups.append(Group(start, index, longest))
            start, longest = index, 0
        longest = max(longest, size)
    return [*groups, Group(start, len(sizes), longest)]
