"""Codebooks: from latent vectors to codes and back.

The library vector-quantize-pytorch does the work. Real particles alone reach a codebook, as rows: padding cannot enter
its loss, its codes or its statistics. Shapes: L particles, d width of a latent vector, K codes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from vector_quantize_pytorch import FSQ, VectorQuantize

from hepjepa_weaver.config.tokenizer import QuantizerConfig


@dataclass(frozen=True)
class Quantized:
    """Codes of L particles.

    Attributes:
        latent: (L, d), vectors of the codes; gradients pass through to the latent vectors that were given.
        codes: (L,).
        loss: scalar that trains the codebook; 0 outside of training.
    """

    latent: Tensor
    codes: Tensor
    loss: Tensor


class Quantizer(nn.Module, ABC):
    """A table of K codes, each a vector of width `dim`."""

    dim: int

    @abstractmethod
    def forward(self, latent: Tensor) -> Quantized:
        """Return the codes of latent vectors (L, d)."""

    def has_learned(self) -> bool:
        """Tell whether any latent vector has reached the codebook; True if that leaves no trace."""
        return True

    @abstractmethod
    def vectors(self, codes: Tensor) -> Tensor:
        """Return the vectors (..., d) of codes (...)."""


def new_quantizer(config: QuantizerConfig, levels: Sequence[int]) -> Quantizer:
    """Build the quantizer that `-o quantizer` names, with the factors `levels` of its number of codes."""
    if config.quantizer == "finite_scalar":
        return FiniteScalarQuantizer(levels)
    return VectorQuantizer(config, levels)


class VectorQuantizer(Quantizer):
    """One codebook, or several of which each quantizes what the ones before have left over [2107.03312]."""

    def __init__(self, config: QuantizerConfig, levels: Sequence[int]) -> None:
        super().__init__()
        self.levels, self.dim, self.commitment = tuple(levels), config.latent_dim, config.commitment
        self.is_learned = config.codebook_update == "gradient"
        self.books: Any = nn.ModuleList(
            VectorQuantize(
                dim=config.latent_dim,
                codebook_size=size,
                decay=config.codebook_decay,
                kmeans_init=config.kmeans_start,
                threshold_ema_dead_code=config.dead_below,
                commitment_weight=1.0,
                learnable_codebook=self.is_learned,
                ema_update=not self.is_learned,
                rotation_trick=config.rotation_trick and config.latent_dim > 1,
            )
            for size in levels
        )

    def forward(self, latent: Tensor) -> Quantized:
        """Return the codes of latent vectors (L, d)."""
        rest, total = latent.float(), torch.zeros_like(latent, dtype=torch.float32)
        codes = torch.zeros(len(latent), dtype=torch.long, device=latent.device)
        loss = rest.new_zeros(())
        for book, size in zip(self.books, self.levels, strict=True):
            found, index, _ = book(rest.unsqueeze(0))
            # A learned code has a gradient; others have moved on from `found` within the call, and have none.
            vector = book.get_codes_from_indices(index[0]) if self.is_learned else found[0].detach()
            loss = loss + self._loss(rest, vector)
            total, rest = total + found[0], rest - vector.detach()
            codes = codes * size + index[0]
        return Quantized(total, codes, loss)

    def _loss(self, latent: Tensor, vector: Tensor) -> Tensor:
        """Return the mean squared distance between latent vectors and codes.

        The fraction `commitment` of it moves the latent vectors, the rest the codes if gradients train them.
        """
        to_code = self.commitment * (latent - vector.detach()).square().mean()
        if not self.is_learned:
            return to_code
        return to_code + (1 - self.commitment) * (latent.detach() - vector).square().mean()

    def has_learned(self) -> bool:
        """Tell whether any latent vector has reached the codebook."""
        return all(bool(book._codebook.cluster_size.any()) for book in self.books)

    def vectors(self, codes: Tensor) -> Tensor:
        """Return the vectors (..., d) of codes (...)."""
        total: Tensor = torch.zeros((), device=codes.device)
        for book, size in zip(reversed(self.books), reversed(self.levels), strict=True):
            total = total + book.get_codes_from_indices(codes % size)
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
        vectors: Tensor = self.rounding.indices_to_codes(codes.reshape(1, -1, 1).int()[..., 0])
        return vectors.reshape(*codes.shape, self.dim)
