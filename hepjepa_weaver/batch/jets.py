"""Weaver's input groups by name, and the two ways of taking particles out of a batch: trimming and gathering."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Jets:
    """A batch of N jets with up to P particles, real ones first.

    Attributes:
        points: (N, 2, P), Δη and Δφ of a particle to the jet axis.
        features: (N, C, P), standardised as in the data config.
        vectors: (N, 4, P), px, py, pz, E in GeV.
        is_real: (N, P), True for a particle, False for padding.
        num_real: (N,), particles of each jet, on the host (for ONNX, where the mask is): what follows from it is known
            without waiting for a GPU.
    """

    points: Tensor
    features: Tensor
    vectors: Tensor
    is_real: Tensor
    num_real: Tensor

    def gather(self, keep: Tensor, num_kept: Tensor) -> "Jets":
        """The particles marked in `keep` (N, P), in their order, and nothing of the others.

        Jets with fewer kept particles than the longest are padded by repeating kept ones, as weaver pads:
        BatchNorm sees padded slots too, so a particle left there would leak. At least one slot remains.

        Args:
            num_kept: (N,), particles kept of each jet, on the host.
        """
        index, is_real = kept_particles(keep, num_kept)
        return self._changed(lambda x: take(x, index), is_real, num_kept)

    def by_length(self) -> Tensor:
        """The order (N,), on the host, in which jets of like length stand side by side: they need less padding."""
        return self.num_real.argsort(descending=True)

    def reordered(self, order: Tensor) -> "Jets":
        """The jets in another order (N,), given on the host."""
        index = sent_to(self.is_real.device, order)
        return self._changed(lambda x: x[index], self.is_real[index], self.num_real[order])

    def trimmed(self, length: int) -> "Jets":
        """The first `length` slots; the others have to be padding."""
        return self._changed(lambda x: x[..., :length], self.is_real[:, :length], self.num_real)

    def pt(self) -> Tensor:
        """Transverse momentum (N, P) of each particle in GeV."""
        px, py = self.vectors[:, 0], self.vectors[:, 1]
        return torch.hypot(px, py)

    def _changed(self, change: Callable[[Tensor], Tensor], is_real: Tensor, num_real: Tensor) -> "Jets":
        """`change` applied to everything known of a particle."""
        return Jets(change(self.points), change(self.features), change(self.vectors), is_real, num_real)


def kept_particles(keep: Tensor, num_kept: Tensor) -> tuple[Tensor, Tensor]:
    """Indices (N, K) of the particles marked in `keep` (N, P), and which of the K slots are no padding.

    Args:
        num_kept: (N,), how many are marked in each jet, on the host.
    """
    counts = sent_to(keep.device, num_kept).unsqueeze(1)
    order = torch.argsort((~keep).to(torch.int8), dim=1, stable=True)
    slots = torch.arange(max(int(num_kept.max()), 1), device=keep.device)
    return order.gather(1, slots % counts.clamp(min=1)), slots < counts


def lowest(score: Tensor, among: Tensor, number: Tensor) -> Tensor:
    """Mark the `number` (N,), on the host, of particles with the lowest `score` (N, P) of those marked in `among`
    (N, P), which are that many at least."""
    rank = score.masked_fill(~among, torch.inf).argsort(dim=1).argsort(dim=1)
    return rank < sent_to(score.device, number).unsqueeze(1)


def in_old_order(x: Tensor, order: Tensor) -> Tensor:
    """Rows (N, D) of jets that were `reordered`, as they were before."""
    return x[sent_to(x.device, order.argsort())]


def sent_to(device: torch.device, x: Tensor) -> Tensor:
    """`x` on the device; from page-locked memory, which a GPU fetches in its turn while the host goes on."""
    if device.type == "cuda" and x.device.type == "cpu":
        x = x.pin_memory()
    return x.to(device, non_blocking=True)


def take(x: Tensor, index: Tensor) -> Tensor:
    """Particles `index` (N, K) of `x` (N, C, P), as (N, C, K)."""
    return x.gather(2, index.unsqueeze(1).expand(-1, x.size(1), -1))


def sorted_by_length(embed: Callable[[Jets], Tensor], jets: Jets) -> Tensor:
    """What `embed` makes of the jets (N, D), in their order; it is given them by length, which is faster."""
    order = jets.by_length()
    return in_old_order(embed(jets.reordered(order)), order)
