"""Weaver's input groups by name, and the two ways of taking particles out of a batch: trimming and gathering."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.errors import UserError

REQUIRED_GROUPS = ("pf_points", "pf_features", "pf_vectors", "pf_mask")


@dataclass(frozen=True)
class Jets:
    """A batch of N jets with up to P particles.

    Attributes:
        points: (N, 2, P), Δη and Δφ of a particle to the jet axis.
        features: (N, C, P), standardised as in the data config.
        vectors: (N, 4, P), px, py, pz, E in GeV.
        is_real: (N, P), True for a particle, False for padding.
    """

    points: Tensor
    features: Tensor
    vectors: Tensor
    is_real: Tensor

    def gather(self, keep: Tensor) -> "Jets":
        """The particles marked in `keep` (N, P), in their order, and nothing of the others.

        Jets with fewer kept particles than the longest are padded by repeating kept ones, as weaver pads:
        BatchNorm sees padded slots too, so a particle left there would leak. At least one slot remains.
        """
        index, is_real = kept_particles(keep)
        return replace(
            self,
            points=take(self.points, index),
            features=take(self.features, index),
            vectors=take(self.vectors, index),
            is_real=is_real,
        )


def kept_particles(keep: Tensor) -> tuple[Tensor, Tensor]:
    """Indices (N, K) of the particles marked in `keep` (N, P), and which of the K slots are no padding."""
    counts = keep.sum(dim=1, keepdim=True)
    order = torch.argsort((~keep).to(torch.int8), dim=1, stable=True)
    slots = torch.arange(max(int(counts.max()), 1), device=keep.device)
    return order.gather(1, slots % counts.clamp(min=1)), slots < counts


def take(x: Tensor, index: Tensor) -> Tensor:
    """Particles `index` (N, K) of `x` (N, C, P), as (N, C, K)."""
    return x.gather(2, index.unsqueeze(1).expand(-1, x.size(1), -1))


class JetReader:
    """Turns weaver's positional inputs into `Jets`, trimmed once to the longest jet of the batch.

    Args:
        input_names: names in the order in which weaver passes them (`data_config.input_names`).
        trim: cut away slots that are padding in all jets; off for ONNX, whose shapes stay fixed.
    """

    def __init__(self, input_names: Iterable[str], trim: bool = True) -> None:
        self.input_names = tuple(input_names)
        self.trim = trim
        if set(self.input_names) != set(REQUIRED_GROUPS):
            raise UserError(
                f"the data config has the inputs {', '.join(self.input_names) or '(none)'}, but this network reads "
                f"exactly {', '.join(REQUIRED_GROUPS)}: rename or add them under 'inputs' of the data config"
            )

    def __call__(self, *inputs: Tensor) -> Jets:
        """Read inputs (N, C, P) given in the order of `input_names`.

        A jet without any particle keeps its first, zero-filled slot as a particle: attention over nothing
        is not a number, and one such jet would spoil the whole batch.
        """
        group = dict(zip(self.input_names, inputs, strict=True))
        is_real = group["pf_mask"].squeeze(1) > 0
        first = torch.arange(is_real.size(1), device=is_real.device) == 0
        is_real = is_real | (first & ~is_real.any(dim=1, keepdim=True))
        length = int(is_real.any(dim=0).nonzero().max()) + 1 if self.trim else is_real.size(1)
        return Jets(
            points=group["pf_points"][..., :length],
            features=group["pf_features"][..., :length],
            vectors=group["pf_vectors"][..., :length],
            is_real=is_real[:, :length],
        )


def num_features(data_config: Any) -> int:
    """Number C of features a particle has in weaver's data config."""
    try:
        return len(data_config.input_dicts["pf_features"])
    except KeyError:
        JetReader(data_config.input_names)  # says which groups are there and which are needed
        raise
