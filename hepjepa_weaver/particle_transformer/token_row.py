"""Tokens that stand one after the other in a jet's row, next to others."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class TokenRow:
    """Tokens (N, S, D), which of them are not padding (N, S), and their number per jet (N,) on the host."""

    tokens: Tensor
    is_real: Tensor
    lengths: Tensor

    def cut(self, jets: slice) -> "TokenRow":
        """Return the rows of some jets, cut to the longest.

        A row with slots keeps at least one, even if it is padding, so that every weight gets a gradient.
        """
        lengths = self.lengths[jets]
        longest = max(int(lengths.max()), 1)
        return TokenRow(self.tokens[jets, :longest], self.is_real[jets, :longest], lengths)
