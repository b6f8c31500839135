"""Changes of a batch that must not change what a network says about a jet."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets, take


def permuted(jets: Jets, seed: int = 0, padding_too: bool = False) -> tuple[Jets, Tensor]:
    """The particles of each jet, or all slots, in another order, and the order (N, P)."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(jets.is_real.shape, generator=generator)
    order = (draw if padding_too else draw + 1.0 * ~jets.is_real).argsort(dim=1)
    moved = {name: take(getattr(jets, name), order) for name in ("points", "features", "vectors")}
    return replace(jets, **moved, is_real=jets.is_real.gather(1, order)), order


def padded(jets: Jets, extra: int, wrap: bool) -> Jets:
    """`extra` more slots of padding, filled with zeros or, as weaver does, with the jet's particles again."""
    index = torch.arange(jets.is_real.size(1) + extra) % jets.is_real.sum(dim=1, keepdim=True)
    groups = {name: getattr(jets, name) for name in ("points", "features", "vectors")}
    changed = {name: take(x, index) if wrap else F.pad(x, (0, extra)) for name, x in groups.items()}
    return replace(jets, **changed, is_real=F.pad(jets.is_real, (0, extra)))


def with_other_particles(jets: Jets, where: Tensor) -> Jets:
    """Features and momenta of the particles marked in `where` (N, P) replaced by others; positions stay."""
    other = {
        name: torch.where(where.unsqueeze(1), 3 * getattr(jets, name).roll(1, dims=2) + 1, getattr(jets, name))
        for name in ("features", "vectors")
    }
    return replace(jets, **other)
