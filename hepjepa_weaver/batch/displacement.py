"""Impact parameters of a jet that is rotated or reflected about its axis."""

from dataclasses import replace

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import Column, FeatureColumns
from hepjepa_weaver.batch.geometry import eta_of, jet_side
from hepjepa_weaver.batch.jets import Jets

IMPACT = ("part_d0", "part_dz")
LARGEST_TANH = 1 - 1e-6


def with_mirrored_displacement(jets: Jets, reflection: Tensor, columns: FeatureColumns) -> Jets:
    """Give the impact parameters the signs of the `reflection` (N, 2, 2): dz that of Δη, d0 that of Δφ."""
    features = jets.features.clone()
    for name, axis in (("part_dz", 0), ("part_d0", 1)):
        for place in columns.where(name):
            column, sign = columns.columns[place], reflection[:, axis, axis].unsqueeze(1)
            features[:, place] = column.standardised(column.original(features[:, place]) * sign)
    return replace(jets, features=features)


def with_turned_displacement(jets: Jets, before: Jets, turn: Tensor, columns: FeatureColumns) -> Jets:
    """Rotate the impact parameters of `jets` by the `turn` (N, 2, 2) of (Δη, Δφ) since `before`; their errors stay.

    A track from a vertex at distance r from the beam, in the direction (Δη, Δφ)_v, has d0 = r (Δφ - Δφ_v) and dz = -r
    (η - η_v) cosh η. This holds as long as both are small. Hence (-dz / cosh η, d0) rotates like (Δη, Δφ). The data
    config gives tanh of both in mm, and values beyond 7 mm count as 7 mm.
    """
    if not columns.where(*IMPACT):
        return jets
    d0_place, dz_place = columns.where(*IMPACT)
    d0, dz = columns.columns[d0_place], columns.columns[dz_place]
    side = jet_side(before)
    along = -side * torch.atanh(unsaturated(before.features[:, dz_place], dz)) / eta_of(before).cosh()
    across = torch.atanh(unsaturated(before.features[:, d0_place], d0))
    along, across = (turn @ torch.stack([along, across], dim=1)).unbind(dim=1)
    features = jets.features.clone()
    features[:, d0_place] = d0.standardised(across.tanh())
    features[:, dz_place] = dz.standardised((-side * along * eta_of(jets).cosh()).tanh())
    return replace(jets, features=features)


def unsaturated(feature: Tensor, column: Column) -> Tensor:
    """Return tanh of an impact parameter from its feature (N, P), clipped to what single precision can invert."""
    return column.original(feature).clamp(-LARGEST_TANH, LARGEST_TANH)
