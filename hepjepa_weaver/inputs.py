"""Weaver's input groups by name, and the two ways of taking particles out of a batch: trimming and gathering."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.errors import UserError
from hepjepa_weaver.features import FeatureColumns

REQUIRED_GROUPS = ("pf_points", "pf_features", "pf_vectors", "pf_mask")
VERTEX_GROUPS = ("sv_points", "sv_features", "sv_vectors", "sv_mask")


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


class JetReader:
    """Turns weaver's positional inputs into `Jets`, trimmed once to the longest jet of the batch.

    Secondary vertices stand behind the particles of their jet, as particles with other features.

    Args:
        input_names: names in the order in which weaver passes them (`data_config.input_names`).
        trim: cut away slots that are padding in all jets; off for ONNX, whose shapes stay fixed.
        columns: of the features, for a network that reads secondary vertices where there are any.
    """

    def __init__(self, input_names: Iterable[str], trim: bool = True, columns: FeatureColumns | None = None) -> None:
        self.input_names = tuple(input_names)
        self.trim = trim
        self.num_columns = len(columns.columns) if columns else 0
        self.vertex_places = columns.vertex_places if columns else None
        wanted = REQUIRED_GROUPS if self.vertex_places is None else (*REQUIRED_GROUPS, *VERTEX_GROUPS)
        if set(self.input_names) != set(wanted):
            raise UserError(
                f"the data config has the inputs {', '.join(self.input_names) or '(none)'}, but this network reads "
                f"exactly {', '.join(wanted)}: rename or add them under 'inputs' of the data config"
            )

    def __call__(self, *inputs: Tensor) -> Jets:
        """Read inputs (N, C, P) given in the order of `input_names`.

        Particles are counted where `pf_mask` is: left on the host, it makes a GPU wait for nothing.

        A jet without any particle keeps its first, zero-filled slot as a particle: attention over nothing
        is not a number, and one such jet would spoil the whole batch.
        """
        group = self._joined(dict(zip(self.input_names, inputs, strict=True)))
        device = group["pf_features"].device
        is_real = group["pf_mask"].squeeze(1) > 0
        vectors = group["pf_vectors"]
        if not self.trim:
            # Torch leaves inputs that nobody reads out of the file, and weaver gives a file all inputs.
            is_real = is_real & ~group["pf_points"].isnan().any(dim=1)
            vectors = with_direction(vectors)
        first = torch.arange(is_real.size(1), device=is_real.device) == 0
        is_real = is_real | (first & ~is_real.any(dim=1, keepdim=True))
        num_real = is_real.sum(dim=1)
        num_real = num_real.cpu() if self.trim else num_real
        jets = Jets(
            points=group["pf_points"],
            features=group["pf_features"],
            vectors=vectors,
            is_real=sent_to(device, is_real),
            num_real=num_real,
        )
        if not self.trim:
            return jets
        if bool((is_real[:, 1:] > is_real[:, :-1]).any()):  # weaver pads at the end, other loaders may not
            return jets.gather(jets.is_real, num_real)
        return jets.trimmed(int(num_real.max()))

    def _joined(self, group: dict[str, Tensor]) -> dict[str, Tensor]:
        """The groups of particles with the vertices' behind them."""
        if self.vertex_places is None:
            return group
        features = F.pad(group["pf_features"], (0, 0, 0, self.num_columns - group["pf_features"].size(1)))
        of_vertices = in_columns(group["sv_features"], self.vertex_places, self.num_columns)
        return {
            "pf_points": torch.cat([group["pf_points"], group["sv_points"]], dim=2),
            "pf_features": torch.cat([features, of_vertices], dim=2),
            "pf_vectors": torch.cat([group["pf_vectors"], group["sv_vectors"]], dim=2),
            "pf_mask": torch.cat([group["pf_mask"], group["sv_mask"]], dim=2),
        }


def in_columns(features: Tensor, places: Sequence[int], num_columns: int) -> Tensor:
    """Features (N, F, S) in their places among C columns (N, C, S), 0 in the others and 1 in the last."""
    columns = [torch.zeros_like(features[:, :1])] * (num_columns - 1)
    for number, place in enumerate(places):
        columns[place] = features[:, number : number + 1]
    return torch.cat([*columns, torch.ones_like(features[:, :1])], dim=1)


def with_direction(vectors: Tensor) -> Tensor:
    """`vectors` (N, 4, P) in GeV, of which those without px and py, as padding is, have a px too small to matter: the
    arctangent of ONNX files divides by it."""
    px, rest = vectors[:, :1], vectors[:, 1:]
    is_along_beam = (px == 0) & (rest[:, :1] == 0)
    return torch.cat([torch.where(is_along_beam, torch.full_like(px, 1e-30), px), rest], dim=1)


def num_features(data_config: Any) -> int:
    """Number C of features a particle has in weaver's data config, of which a `JetReader` was made."""
    return len(data_config.input_dicts["pf_features"])


def sorted_by_length(embed: Callable[[Jets], Tensor], jets: Jets) -> Tensor:
    """What `embed` makes of the jets (N, D), in their order; it is given them by length, which is faster."""
    order = jets.by_length()
    return in_old_order(embed(jets.reordered(order)), order)
