"""A batch of jets, and the two ways to select particles from it: trimming and gathering."""

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
        num_real: (N,), number of particles per jet, on the host: reading it does not wait for a GPU. For ONNX it is on
            the device of the mask.
    """

    points: Tensor
    features: Tensor
    vectors: Tensor
    is_real: Tensor
    num_real: Tensor

    def gather(self, keep: Tensor, num_kept: Tensor) -> "Jets":
        """Return the particles marked in `keep` (N, P), in their order, without a trace of the others.

        Jets with fewer kept particles than the longest are padded with repeated kept ones, as weaver pads. BatchNorm
        sees padded slots too, so a particle left there would leak. At least one slot remains.

        Args:
            keep: (N, P), True for particles to keep.
            num_kept: (N,), number of kept particles per jet, on the host.
        """
        index, is_real = kept_particles(keep, num_kept)
        return self._changed(lambda x: take(x, index), is_real, num_kept)

    def by_length(self) -> Tensor:
        """Return the order (N,), on the host, that sorts jets by length, longest first; it needs less padding."""
        return self.num_real.argsort(descending=True)

    def reordered(self, order: Tensor) -> "Jets":
        """Return the jets in another order (N,), given on the host."""
        index = sent_to(self.is_real.device, order)
        return self._changed(lambda x: x[index], self.is_real[index], self.num_real[order])

    def in_pt_order(self) -> "Jets":
        """Return the jets with their particles by falling pT; padding stays behind them."""
        index = self.pt().masked_fill(~self.is_real, -torch.inf).argsort(dim=1, descending=True, stable=True)
        return self._changed(lambda x: take(x, index), self.is_real, self.num_real)

    def trimmed(self, length: int) -> "Jets":
        """Return the first `length` slots; the others must be padding."""
        return self._changed(lambda x: x[..., :length], self.is_real[:, :length], self.num_real)

    def pt(self) -> Tensor:
        """Return the transverse momentum (N, P) of each particle in GeV."""
        px, py = self.vectors[:, 0], self.vectors[:, 1]
        return torch.hypot(px, py)

    def has_particles(self) -> Tensor:
        """Return which jets (N,) have a particle; the reader keeps a zero-filled slot in a jet without any."""
        return (self.is_real.sum(dim=1) > 1) | (self.vectors[:, :, 0] != 0).any(dim=1)

    def _changed(self, change: Callable[[Tensor], Tensor], is_real: Tensor, num_real: Tensor) -> "Jets":
        """Apply `change` to points, features and vectors."""
        return Jets(change(self.points), change(self.features), change(self.vectors), is_real, num_real)


def kept_particles(keep: Tensor, num_kept: Tensor) -> tuple[Tensor, Tensor]:
    """Return indices (N, K) of the particles marked in `keep` (N, P), and which of the K slots are not padding.

    Args:
        keep: (N, P), True for particles to keep.
        num_kept: (N,), number of marked particles per jet, on the host.
    """
    counts = sent_to(keep.device, num_kept).unsqueeze(1)
    order = torch.argsort((~keep).to(torch.int8), dim=1, stable=True)
    slots = torch.arange(max(int(num_kept.max()), 1), device=keep.device)
    return order.gather(1, slots % counts.clamp(min=1)), slots < counts


def lowest(score: Tensor, among: Tensor, number: Tensor) -> Tensor:
    """Mark the particles of each jet with the lowest `score` (N, P) among those marked in `among` (N, P).

    Args:
        score: (N, P).
        among: (N, P), at least `number` of them True per jet.
        number: (N,), number of particles to mark per jet, on the host.
    """
    rank = score.masked_fill(~among, torch.inf).argsort(dim=1).argsort(dim=1)
    return rank < sent_to(score.device, number).unsqueeze(1)


def in_old_order(x: Tensor, order: Tensor) -> Tensor:
    """Return rows (N, D) of jets that were `reordered` to the order before."""
    return x[sent_to(x.device, order.argsort())]


def mean_over_real(x: Tensor, is_real: Tensor) -> Tensor:
    """Return the mean (N, D) of `x` (N, P, D) over the particles marked in `is_real` (N, P), at least one per jet."""
    weight = is_real.unsqueeze(2).to(x.dtype)
    return (x * weight).sum(dim=1) / weight.sum(dim=1)


def sent_to(device: torch.device, x: Tensor) -> Tensor:
    """Return `x` on the device; a GPU fetches it from page-locked memory while the host goes on."""
    if device.type == "cuda" and x.device.type == "cpu":
        x = x.pin_memory()
    return x.to(device, non_blocking=True)


def take(x: Tensor, index: Tensor) -> Tensor:
    """Return particles `index` (N, K) of `x` (N, C, P), as (N, C, K)."""
    return x.gather(2, index.unsqueeze(1).expand(-1, x.size(1), -1))


def sorted_by_length(embed: Callable[[Jets], Tensor], jets: Jets) -> Tensor:
    """Return `embed` of the jets (N, D) in their order; `embed` gets them sorted by length, which is faster."""
    order = jets.by_length()
    return in_old_order(embed(jets.reordered(order)), order)
