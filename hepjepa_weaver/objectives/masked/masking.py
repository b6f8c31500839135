"""Which particles the context encoder may see and which are to be predicted.

How many is drawn on the host (`mask_sizes`), for every jet anew; the strategies differ in which. Where a jet's tokens
are patches, a particle here is a patch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hepjepa_weaver.batch.geometry import FARTHEST, squared_distance
from hepjepa_weaver.batch.jets import Jets, lowest, sent_to, take
from hepjepa_weaver.config import MaskingConfig


@dataclass(frozen=True)
class Masks:
    """`is_context` and `is_target`, both (N, P), disjoint; how many of each, `num_context` and `num_target` (N,), is
    known on the host."""

    is_context: Tensor
    is_target: Tensor
    num_context: Tensor
    num_target: Tensor

    def reordered(self, order: Tensor) -> "Masks":
        """The masks of jets in another order (N,), given on the host."""
        index = sent_to(self.is_context.device, order)
        return Masks(self.is_context[index], self.is_target[index], self.num_context[order], self.num_target[order])


@dataclass(frozen=True)
class MaskSizes:
    """How many particles of N jets go into each of T targets (N, T), and into the context (N,), on the host."""

    targets: Tensor
    context: Tensor


def mask_sizes(num_real: Tensor, config: MaskingConfig) -> MaskSizes:
    """Draw the sizes for jets of `num_real` (N,) particles: a share of the jet in `target_ratio` for every target,
    then a share in `context_ratio` of what is left, to the nearest whole number.

    At least one particle is hidden and one left. A jet of one particle hides none: it takes part in losses of the whole
    jet only.
    """
    share = drawn_between(config.target_ratio, len(num_real), config.num_targets)
    wanted = (share * num_real.unsqueeze(1)).round().long().clamp(min=1)
    hidden = torch.minimum(wanted.cumsum(dim=1), (num_real - 1).clamp(min=0).unsqueeze(1))
    left = num_real - hidden[:, -1]
    seen = (drawn_between(config.context_ratio, len(num_real), 1).squeeze(1) * left).round().long()
    targets = hidden.diff(dim=1, prepend=torch.zeros_like(hidden[:, :1]))
    return MaskSizes(targets, torch.minimum(seen.clamp(min=1), left))


def drawn_between(limits: tuple[float, float], *shape: int) -> Tensor:
    """Uniform random numbers between `limits`, of `shape`, on the host."""
    low, high = limits
    return low + (high - low) * torch.rand(shape)


class Masking:
    """Draws new masks for every jet at every call.

    Targets do not overlap; with fewer particles than targets, the last targets are empty. Strategies, in (Δη, Δφ):
      - `contiguous`: pieces of a greedy walk from neighbour to neighbour (`neighbour_walk`); the context is a piece of
        what is left of it [HEP-JEPA 2502.03933; the walk from Point-JEPA 2404.16432, section 3.2].
      - `ball`: the particles nearest to a random one that are not in a target yet; the context likewise.
      - `random`: any particles [MPMv2 2409.12589].
    """

    def __init__(self, config: MaskingConfig) -> None:
        self.config = config

    def __call__(self, jets: Jets) -> Masks:
        sizes = mask_sizes(jets.num_real, self.config)
        if self.config.mask_strategy == "contiguous":
            is_target, is_context = pieces_of_walk(jets, sizes)
        else:
            is_target, is_context = self._chosen(jets, sizes)
        return Masks(is_context, is_target, sizes.context, sizes.targets.sum(dim=1))

    def _chosen(self, jets: Jets, sizes: MaskSizes) -> tuple[Tensor, Tensor]:
        """Targets and context, one after the other, of what is left each time."""
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
        # The others come last, even after a particle at infinity: as many are marked as the host believes.
        return lowest(score.nan_to_num(nan=FARTHEST, posinf=FARTHEST), free, size)


def distance_to_seed(jets: Jets, free: Tensor, random: Tensor) -> Tensor:
    """ΔR² (N, P) of each particle to the one that `random` (N, P) picks among those marked in `free` (N, P)."""
    seed = random.masked_fill(~free, -1).argmax(dim=1, keepdim=True)
    return squared_distance(jets.points, take(jets.points, seed))


def pieces_of_walk(jets: Jets, sizes: MaskSizes) -> tuple[Tensor, Tensor]:
    """Targets and context (N, P) as pieces of a walk through each jet.

    Gaps between targets are random, so that any place is possible; Point-JEPA lets its targets overlap instead. The
    context is one piece of what is left of the walk.
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
    """Which of `length` steps (N, length) lie in one of T pieces of `sizes` (N, T), with random gaps between them that
    fill up a walk of `num_real` (N,) steps. On the host."""
    gap_before = torch.rand(sizes.shape).sort(dim=1).values * (num_real - sizes.sum(dim=1) + 1).unsqueeze(1)
    start = gap_before.long() + sizes.cumsum(dim=1) - sizes
    steps = torch.arange(length).view(1, 1, -1)
    return ((steps >= start.unsqueeze(2)) & (steps < (start + sizes).unsqueeze(2))).any(dim=1)


def neighbour_walk(jets: Jets) -> Tensor:
    """At which step (N, P) each particle is visited by a greedy walk that starts at the smallest Δη + Δφ and goes on to
    the nearest particle not yet visited [Point-JEPA 2404.16432, section 3.2]. Padding keeps its slot."""
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
