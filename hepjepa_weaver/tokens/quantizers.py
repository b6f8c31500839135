"""From latent vectors to codes and back.

Real particles alone reach a quantizer, as rows: padding cannot enter its loss, its codes or its statistics. Shapes:
L particles, d width of a latent vector, K codes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from vector_quantize_pytorch import FSQ

from hepjepa_weaver.config.tokenizer import QuantizerConfig
from hepjepa_weaver.runtime.ranks import mean_over_processes
from hepjepa_weaver.tokens.codebook import Codebook, rotated


@dataclass(frozen=True)
class Quantized:
    """Codes of L particles.

    Attributes:
        latent: (L, d), vectors of the codes; gradients pass through to the latent vectors that were given.
        codes: (L,).
        loss: scalar that trains the codebook.
    """

    latent: Tensor
    codes: Tensor
    loss: Tensor


class Quantizer(nn.Module, ABC):
    """A table of K codes, each a vector of width `dim`."""

    dim: int

    @abstractmethod
    def forward(self, latent: Tensor) -> Quantized:
        """Return the codes of latent vectors (L, d); in training, train the codebook."""

    @abstractmethod
    def vectors(self, codes: Tensor) -> Tensor:
        """Return the vectors (..., d) of codes (...)."""

    def has_learned(self) -> bool:
        """Tell whether any latent vector has reached the codebook; True if that leaves no trace."""
        return True


def new_quantizer(config: QuantizerConfig, levels: Sequence[int]) -> Quantizer:
    """Build the quantizer that `-o quantizer` names, with the factors `levels` of its number of codes."""
    if config.quantizer == "finite_scalar":
        return FiniteScalarQuantizer(levels)
    return VectorQuantizer(config, levels)


class VectorQuantizer(Quantizer):
    """One codebook, or several of which each quantizes what the ones before have left over [2107.03312]."""

    def __init__(self, config: QuantizerConfig, levels: Sequence[int]) -> None:
        super().__init__()
        self.levels, self.dim, self.config = tuple(levels), config.latent_dim, config
        self.books: Any = nn.ModuleList(Codebook(size, config) for size in levels)

    def forward(self, latent: Tensor) -> Quantized:
        """Return the codes of latent vectors (L, d); in training, train the codebook."""
        latent = latent.float()
        rest, total = latent, torch.zeros_like(latent)
        codes = torch.zeros(len(latent), dtype=torch.long, device=latent.device)
        loss = rest.new_zeros(())
        for book, size in zip(self.books, self.levels, strict=True):
            index = book(rest)
            vector = book.vectors[index]
            loss = loss + self._loss(rest, vector)
            if self.training:
                book.learn(rest.detach(), index)
            total = total + vector.detach()
            rest, codes = rest - vector.detach(), codes * size + index
        return Quantized(self._passed(latent, total), codes, loss)

    def _passed(self, latent: Tensor, vector: Tensor) -> Tensor:
        """Return `vector` (L, d) with a gradient to `latent` (L, d)."""
        if self.config.rotation_trick and self.dim > 1:
            return rotated(latent, vector)
        return latent + (vector - latent).detach()

    def _loss(self, latent: Tensor, vector: Tensor) -> Tensor:
        """Return the mean squared distance between latent vectors and codes.

        The fraction `commitment` of it moves the latent vectors, the rest the codes if gradients train them.
        """
        share = self.config.commitment
        to_code = share * mean_square(latent - vector.detach())
        if self.config.codebook_update == "ema":
            return to_code
        return to_code + (1 - share) * mean_square(latent.detach() - vector)

    def has_learned(self) -> bool:
        """Tell whether any latent vector has reached the codebook."""
        return all(bool(book.has_started) for book in self.books)

    def vectors(self, codes: Tensor) -> Tensor:
        """Return the vectors (..., d) of codes (...)."""
        total: Tensor = torch.zeros((), device=codes.device)
        for book, size in zip(reversed(self.books), reversed(self.levels), strict=True):
            total = total + book.vectors[codes % size]
            codes = codes // size
        return total


class FiniteScalarQuantizer(Quantizer):
    """Each component of the latent vector is rounded to one of its levels [FSQ, 2309.15505]: no loss, no dead codes."""

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self.dim = len(levels)
        self.rounding = FSQ(list(levels))

    def forward(self, latent: Tensor) -> Quantized:
        """Return the codes of latent vectors (L, d)."""
        vector, codes = self.rounding(latent.float().unsqueeze(0))
        return Quantized(vector[0], codes[0].long(), latent.new_zeros(()))

    def vectors(self, codes: Tensor) -> Tensor:
        """Return the vectors (..., d) of codes (...)."""
        vectors: Tensor = self.rounding.indices_to_codes(codes.reshape(1, -1).int())
        return vectors.reshape(*codes.shape, self.dim)


def mean_square(x: Tensor) -> Tensor:
    """Return the mean square of (L, d); the mean over ranks is that over all their particles. It is 0 without any."""
    number = mean_over_processes(x.new_tensor(float(len(x)))).clamp(min=1)
    mean: Tensor = x.square().sum() / (number * x.size(1))
    return mean
