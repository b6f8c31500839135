"""Masks: the particles that the context encoder sees, and those to predict.

The numbers of particles are drawn on the host (`mask_sizes`), anew for every jet. The strategies choose the particles.
If a jet's tokens are patches, a particle here is a patch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hepjepa_weaver.batch.geometry import FARTHEST, squared_distance
from hepjepa_weaver.batch.jets import Jets, lowest, sent_to, take
from hepjepa_weaver.config import MaskingConfig


@dataclass(frozen=True)
class Masks:
    """Disjoint masks of context and targets.

    Attributes:
        is_context: (N, P).
        is_target: (N, P).
        num_context: (N,), number of context particles per jet, on the host.
        num_target: (N,), number of target particles per jet, on the host.
    """

    is_context: Tensor
    is_target: Tensor
    num_context: Tensor
    num_target: Tensor

    def reordered(self, order: Tensor) -> "Masks":
        """Return the masks of jets in another order (N,), given on the host."""
        index = sent_to(self.is_context.device, order)
        return Masks(self.is_context[index], self.is_target[index], self.num_context[order], self.num_target[order])


@dataclass(frozen=True)
class MaskSizes:
    """Numbers of particles of N jets in each of T targets (N, T) and in the context (N,), on the host."""

    targets: Tensor
    context: Tensor


def mask_sizes(num_real: Tensor, config: MaskingConfig) -> MaskSizes:
    """Draw the sizes for jets of `num_real` (N,) particles.

    Each target takes a fraction of the jet within `target_ratio`. The context takes a fraction within `context_ratio`
    of the rest. Numbers are rounded to the nearest integer.

    At least one particle is masked and one left. A jet of one particle masks none, and takes part only in losses of the
    whole jet.
    """
    share = drawn_between(config.target_ratio, len(num_real), config.num_targets)
    wanted = (share * num_real.unsqueeze(1)).round().long().clamp(min=1)
    hidden = torch.minimum(wanted.cumsum(dim=1), (num_real - 1).clamp(min=0).unsqueeze(1))
    left = num_real - hidden[:, -1]
    seen = (drawn_between(config.context_ratio, len(num_real), 1).squeeze(1) * left).round().long()
    targets = hidden.diff(dim=1, prepend=torch.zeros_like(hidden[:, :1]))
    return MaskSizes(targets, torch.minimum(seen.clamp(min=1), left))


def drawn_between(limits: tuple[float, float], *shape: int) -> Tensor:
    """Draw uniform random numbers between `limits`, of `shape`, on the host."""
    low, high = limits
    return low + (high - low) * torch.rand(shape)


class Masking:
    """A masking strategy; every call draws new masks for every jet.

    Targets do not overlap. With fewer particles than targets, the last targets are empty. Strategies, in (Δη, Δφ):

    - `contiguous`: pieces of a greedy walk from neighbour to neighbour (`neighbour_walk`). The context is a piece of
      the rest of the walk. [HEP-JEPA 2502.03933; the walk from Point-JEPA 2404.16432, section 3.2]
    - `ball`: the particles nearest to a random one, outside other targets. The context is chosen in the same way.
    - `random`: any particles. [MPMv2 2409.12589]
    """

    def __init__(self, config: MaskingConfig) -> None:
        self.config = config

    def __call__(self, jets: Jets) -> Masks:
        """Draw the masks of context and targets."""
        sizes = mask_sizes(jets.num_real, self.config)
        if self.config.mask_strategy == "contiguous":
            is_target, is_context = pieces_of_walk(jets, sizes)
        else:
            is_target, is_context = self._chosen(jets, sizes)
        return Masks(is_context, is_target, sizes.context, sizes.targets.sum(dim=1))

    def _chosen(self, jets: Jets, sizes: MaskSizes) -> tuple[Tensor, Tensor]:
        """Choose targets and context one after the other, each among the particles that are left."""
        free, is_target = jets.is_real, torch.zeros_like(jets.is_real)
        for size in sizes.targets.unbind(dim=1):
            target = self._nearest(jets, free, size)
            is_target, free = is_target | target, free & ~target
        if self.config.context_ratio == (1.0, 1.0):
            return is_target, free
        return is_target, self._nearest(jets, free, sizes.context)

    def _nearest(self, jets: Jets, free: Tensor, size: Tensor) -> Tensor:
        """Mark `size` (N,) of the particles marked in `free` (N, P)."""
        random = torch.rand(free.shape, device=free.device)
        score = random if self.config.mask_strategy == "random" else distance_to_seed(jets, free, random)
        # Particles outside `free` come last, even after one at infinity: the number marked must be that on the host.
        return lowest(score.nan_to_num(nan=FARTHEST, posinf=FARTHEST), free, size)


def distance_to_seed(jets: Jets, free: Tensor, random: Tensor) -> Tensor:
    """Return ΔR² (N, P) of each particle to the one that `random` (N, P) picks among those marked in `free` (N, P)."""
    seed = random.masked_fill(~free, -1).argmax(dim=1, keepdim=True)
    return squared_distance(jets.points, take(jets.points, seed))


def pieces_of_walk(jets: Jets, sizes: MaskSizes) -> tuple[Tensor, Tensor]:
    """Choose targets and context (N, P) as pieces of a walk through each jet.

    Gaps between targets are random, so that a target can be anywhere; Point-JEPA lets its targets overlap instead. The
    context is one piece of the rest of the walk.
    """
    num_jets, length = jets.is_real.shape
    is_target = pieces_with_gaps(jets.num_real, sizes.targets, length)
    is_left = ~is_target & (torch.arange(length) < jets.num_real.unsqueeze(1))
    start = (torch.rand(num_jets) * (is_left.sum(dim=1) - sizes.context + 1)).long().unsqueeze(1)
    place = is_left.cumsum(dim=1) - 1
    is_seen = is_left & (place >= start) & (place < start + sizes.context.unsqueeze(1))
    step, device = neighbour_walk(jets), jets.is_real.device
    return sent_to(device, is_target).gather(1, step), sent_to(device, is_seen).gather(1, step)


def pieces_with_gaps(num_real: Tensor, sizes: Tensor, length: int) -> Tensor:
    """Mark the steps (N, length) of a walk that lie in one of T pieces, on the host.

    Random gaps between the pieces fill up the walk.

    Args:
        num_real: (N,), number of steps of each walk.
        sizes: (N, T), number of steps of each piece.
        length: number of steps of the longest walk.
    """
    gap_before = torch.rand(sizes.shape).sort(dim=1).values * (num_real - sizes.sum(dim=1) + 1).unsqueeze(1)
    start = gap_before.long() + sizes.cumsum(dim=1) - sizes
    steps = torch.arange(length).view(1, 1, -1)
    return ((steps >= start.unsqueeze(2)) & (steps < (start + sizes).unsqueeze(2))).any(dim=1)


def neighbour_walk(jets: Jets) -> Tensor:
    """Return the step (N, P) at which a greedy walk visits each particle; padding keeps its slot.

    The walk starts at the smallest Δη + Δφ. Each step goes to the nearest particle not yet visited [Point-JEPA
    2404.16432, section 3.2].
    """
    num_jets, length = jets.is_real.shape
    num_real = sent_to(jets.is_real.device, jets.num_real).unsqueeze(1)
    slots = torch.arange(length, device=num_real.device)
    visited_at = slots.repeat(num_jets, 1)
    unvisited, score = jets.is_real, jets.points.sum(dim=1)
    for step in range(int(jets.num_real.max())):
        score = score.nan_to_num(nan=FARTHEST, posinf=FARTHEST, neginf=-FARTHEST)
        at = score.masked_fill(~unvisited, torch.inf).argmin(dim=1, keepdim=True)
        is_next = (slots == at) & (step < num_real)
        visited_at = visited_at.masked_fill(is_next, step)
        unvisited = unvisited & ~is_next
        score = squared_distance(jets.points, take(jets.points, at))
    return visited_at
