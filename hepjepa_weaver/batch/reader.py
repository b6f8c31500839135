"""Weaver's input groups, by name, converted to jets and trimmed once."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.batch.columns import FeatureColumns
from hepjepa_weaver.batch.jets import Jets, sent_to
from hepjepa_weaver.common.errors import UserError

REQUIRED_GROUPS = ("pf_points", "pf_features", "pf_vectors", "pf_mask")


VERTEX_GROUPS = ("sv_points", "sv_features", "sv_vectors", "sv_mask")


class JetReader:
    """Conversion of weaver's positional inputs to `Jets`, trimmed once to the longest jet of the batch.

    Secondary vertices stand behind the particles of their jet, as particles with other features.

    Args:
        input_names: names in the order in which weaver passes them (`data_config.input_names`).
        trim: cut away slots that are padding in all jets. Off for ONNX, whose shapes stay fixed.
        columns: columns of the features, for a network that reads secondary vertices if there are any.

    Raises:
        UserError: the data config has other inputs than those read here.
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

        Particles are counted on the device of `pf_mask`: if the mask is left on the host, nothing waits for a GPU.

        A jet without particles keeps its first, zero-filled slot as a particle. Attention over no particle gives NaN,
        and one such jet would spoil the whole batch.
        """
        group = self._joined(dict(zip(self.input_names, inputs, strict=True)))
        device = group["pf_features"].device
        is_real = group["pf_mask"].squeeze(1) > 0
        vectors = group["pf_vectors"]
        if not self.trim:
            # Torch leaves unread inputs out of an ONNX file, but weaver passes all inputs to it: read the points, too.
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
        """Return the groups of particles with those of the vertices behind them."""
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
    """Put features (N, F, S) in their places among C columns (N, C, S); the last column is 1, the others are 0."""
    columns = [torch.zeros_like(features[:, :1])] * (num_columns - 1)
    for number, place in enumerate(places):
        columns[place] = features[:, number : number + 1]
    return torch.cat([*columns, torch.ones_like(features[:, :1])], dim=1)


def with_direction(vectors: Tensor) -> Tensor:
    """Return `vectors` (N, 4, P) in GeV with a tiny px where px and py are 0, as in padding.

    The arctangent of ONNX files divides by px.
    """
    px, rest = vectors[:, :1], vectors[:, 1:]
    is_along_beam = (px == 0) & (rest[:, :1] == 0)
    return torch.cat([torch.where(is_along_beam, torch.full_like(px, 1e-30), px), rest], dim=1)


def num_features(data_config: Any) -> int:
    """Return the number C of features per particle in weaver's data config."""
    return len(data_config.input_dicts["pf_features"])
