"""Tokens of all jets as one list without padding: what acts on single tokens then computes nothing for padding.

Shapes: N jets, P slots, D width; R tokens that are not padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.batch.jets import sent_to


@dataclass(frozen=True)
class Packing:
    """Where the tokens (R, D) of a list stand among the slots (N, P) of padded jets.

    Attributes:
        slots: (R,), slot of each token, jet · P + place in the jet.
        num_jets: number N of jets.
        length: number P of slots of a jet.
    """

    slots: Tensor
    num_jets: int
    length: int

    def pack(self, padded: Tensor) -> Tensor:
        """Return the tokens (R, D) of padded jets (N, P, D)."""
        tokens: Tensor = _Pack.apply(padded.flatten(0, 1), self.slots)  # type: ignore[no-untyped-call]
        return tokens

    def unpack(self, tokens: Tensor) -> Tensor:
        """Return padded jets (N, P, D) of tokens (R, D), with 0 in place of padding."""
        number = self.num_jets * self.length
        padded: Tensor = _Unpack.apply(tokens, self.slots, number)  # type: ignore[no-untyped-call]
        return padded.view(self.num_jets, self.length, -1)


def packing_of(lengths: Sequence[Tensor], widths: Sequence[int], device: torch.device) -> Packing:
    """Return where tokens stand in jets that consist of rows, one after the other, each padded to its own width.

    The list has all tokens of the first row, jet by jet, then those of the second.

    Args:
        lengths: of each row, the number of tokens per jet (N,), on the host.
        widths: of each row, its number of slots.
        device: where the tokens are.
    """
    num_jets, length = len(lengths[0]), sum(widths)
    slots, before = [], 0
    for number, width in zip(lengths, widths, strict=True):
        # Slot minus place in the list, which is the same for all tokens of a jet's row.
        shift = torch.arange(num_jets) * length + before - (number.cumsum(0) - number)
        shift, counts = sent_to(device, torch.stack([shift, number]))
        total = int(number.sum())
        shift = torch.repeat_interleave(shift, counts, output_size=total)
        slots.append(torch.arange(total, device=device) + shift)
        before += width
    return Packing(torch.cat(slots), num_jets, length)


class _Pack(torch.autograd.Function):
    """The gradient has 0 at padding: PyTorch's own would add up, though no slot is taken twice."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, slots: Tensor) -> Tensor:
        ctx.save_for_backward(slots)
        ctx.number = len(padded)
        return padded.index_select(0, slots)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        (slots,) = ctx.saved_tensors
        return _scattered(slopes[0], slots, ctx.number), None


class _Unpack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tokens: Tensor, slots: Tensor, number: int) -> Tensor:
        ctx.save_for_backward(slots)
        return _scattered(tokens, slots, number)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (slots,) = ctx.saved_tensors
        return slopes[0].index_select(0, slots), None, None


def _scattered(tokens: Tensor, slots: Tensor, number: int) -> Tensor:
    return tokens.new_zeros(number, tokens.size(1)).index_copy_(0, slots, tokens)
