"""Physical changes of a jet: features and four-vectors change together.

The jet axis stays where it was. Features that depend on what changes are updated by the difference, in the
standardisation of the data config; all others stay.
"""

from dataclasses import replace

import torch
from torch import Tensor
from weaver.utils.logger import _logger

from hepjepa_weaver.config import AugmentConfig
from hepjepa_weaver.errors import UserError
from hepjepa_weaver.features import CHARGE, DISPLACEMENT, TYPES, Column, FeatureColumns
from hepjepa_weaver.inputs import Jets, lowest

LARGEST_SMEAR = 0.1
"""In Δη and Δφ: the softest particles stay in the jet."""
LARGEST_TANH = 1 - 1e-6
IMPACT = ("part_d0", "part_dz")
CHANGED = ("part_e_log", "part_logerel", "part_deltaR", "part_deta", "part_dphi", "part_pt_log", "part_logptrel")
"""Features that depend on a particle's place or momentum, besides its impact parameters."""
SMALL_SPREAD = 1e-8
"""Summed squares of η below which two signs of Δη cannot be told apart."""


class Augmentation:
    """Changes every jet in another way at every call [as JetCLR, 2108.04253, section 2; HEP-JEPA 2502.03933]."""

    def __init__(self, config: AugmentConfig, columns: FeatureColumns) -> None:
        self.config, self.columns = config, columns
        self.turns = config.rotate or config.reflect
        if self.turns and config.displacement == "turned" and len(columns.where(*IMPACT)) == 1:
            raise UserError(
                f"-o displacement turned turns {' and '.join(IMPACT)} together, and the data config has one of them "
                "only: give both, or set -o displacement mirrored"
            )
        unknown = set(columns.names).difference(CHANGED, DISPLACEMENT, TYPES, [CHARGE])
        if unknown and (self.turns or config.smear > 0 or config.split > 0):
            _logger.warning(
                "-o rotate, reflect, smear and split leave %s as they are: if they depend on a particle's place or "
                "momentum, name them as JetClass does (%s), or switch these options off",
                *(", ".join(sorted(names)) for names in (unknown, CHANGED)),
            )

    def __call__(self, jets: Jets) -> Jets:
        config = self.config
        if config.drop > 0:
            jets = with_dropped_particles(jets, config.drop)
        if config.split > 0:
            jets = with_split_particles(jets, config.split, self.columns)
        return self.moved(jets)

    def moved(self, jets: Jets) -> Jets:
        """The part of the changes that leaves all particles there, and moves them."""
        config = self.config
        if config.smear > 0:
            jets = smeared(jets, config.smear, self.columns)
        if self.turns:
            jets = self._turned(jets)
        return jets

    def _turned(self, jets: Jets) -> Jets:
        """Jets whose (Δη, Δφ) are rotated and reflected, and their impact parameters with them."""
        num_jets, device = len(jets.points), jets.points.device
        unchanged = torch.eye(2, device=device).expand(num_jets, 2, 2)
        reflection = reflections(num_jets, device) if self.config.reflect else unchanged
        turn = reflection @ rotations(num_jets, device) if self.config.rotate else reflection
        moved = moved_to(jets, turn @ jets.points, self.columns)
        if self.config.displacement == "turned":
            return with_turned_displacement(moved, jets, turn, self.columns)
        return with_mirrored_displacement(moved, reflection, self.columns)


def rotations(num_jets: int, device: torch.device) -> Tensor:
    """Matrices (N, 2, 2) that turn (Δη, Δφ), every jet by another angle."""
    angle = 2 * torch.pi * torch.rand(num_jets, device=device)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)


def reflections(num_jets: int, device: torch.device) -> Tensor:
    """Matrices (N, 2, 2) that change the sign of Δη and of Δφ, each with probability 1/2."""
    return torch.diag_embed(torch.randint(0, 2, (num_jets, 2), device=device) * 2.0 - 1)


def smeared(jets: Jets, smear: float, columns: FeatureColumns) -> Jets:
    """Jets whose particles have moved by a Gaussian of width `smear` (GeV) / pT in Δη and Δφ."""
    width = (smear / jets.pt()).clamp(max=LARGEST_SMEAR).unsqueeze(1)
    return moved_to(jets, jets.points + width * torch.randn_like(jets.points), columns)


def moved_to(jets: Jets, points: Tensor, columns: FeatureColumns) -> Jets:
    """The jets' particles at other Δη and Δφ, `points` (N, 2, P), with the pT and mass they had."""
    px, py, pz, energy = jets.vectors.unbind(dim=1)
    pt = jets.pt()
    # JetClass counts Δη positive away from the beam: it has the sign of the jet's own η.
    eta = eta_of(jets) + jet_side(jets) * (points[:, 0] - jets.points[:, 0])
    phi = torch.atan2(py, px) + points[:, 1] - jets.points[:, 1]
    mass2 = (energy.square() - pt.square() - pz.square()).clamp(min=0)
    pz = pt * eta.sinh()
    new_energy = (pt.square() + pz.square() + mass2).sqrt()
    vectors = torch.stack([pt * phi.cos(), pt * phi.sin(), pz, new_energy], dim=1)
    log_energy = (new_energy.clamp(min=1e-8) / energy.clamp(min=1e-8)).log()
    changes = {
        "part_e_log": log_energy,
        "part_logerel": log_energy,
        "part_deltaR": points.norm(dim=1) - jets.points.norm(dim=1),
        "part_deta": points[:, 0] - jets.points[:, 0],
        "part_dphi": points[:, 1] - jets.points[:, 1],
    }
    return replace(jets, points=points, vectors=vectors, features=shifted(jets.features, changes, columns))


def with_mirrored_displacement(jets: Jets, reflection: Tensor, columns: FeatureColumns) -> Jets:
    """Jets whose impact parameters take the signs of the `reflection` (N, 2, 2): along the beam of Δη, across of Δφ."""
    features = jets.features.clone()
    for name, axis in (("part_dz", 0), ("part_d0", 1)):
        for place in columns.where(name):
            column, sign = columns.columns[place], reflection[:, axis, axis].unsqueeze(1)
            features[:, place] = column.standardised(column.original(features[:, place]) * sign)
    return replace(jets, features=features)


def with_turned_displacement(jets: Jets, before: Jets, turn: Tensor, columns: FeatureColumns) -> Jets:
    """`jets` whose impact parameters follow the `turn` (N, 2, 2) of (Δη, Δφ) since `before`; their errors stay.

    A track from a vertex at distance r of the beam, in the direction (Δη, Δφ)_v, has d0 = r (Δφ - Δφ_v) and
    dz = -r (η - η_v) cosh η as long as both are small, so that (-dz / cosh η, d0) turns like (Δη, Δφ). The data config
    gives tanh of both in mm: what is beyond 7 mm counts as 7 mm.
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
    """tanh of an impact parameter, from its feature (N, P), cut where single precision has no larger one."""
    return column.original(feature).clamp(-LARGEST_TANH, LARGEST_TANH)


def eta_of(jets: Jets) -> Tensor:
    """Pseudorapidity (N, P); 0 of padding."""
    return torch.asinh(jets.vectors[:, 2] / jets.pt().clamp(min=1e-8))


def jet_side(jets: Jets) -> Tensor:
    """Sign (N, 1) of the change of η with Δη: the one with which the jet axis, η - sign · Δη, is the same for all of
    its particles; where that does not decide, as with a single one, that of the jet's η."""
    eta, spreads = eta_of(jets), []
    for sign in (1.0, -1.0):
        axis = eta - sign * jets.points[:, 0]
        mean = (axis * jets.is_real).sum(dim=1, keepdim=True) / jets.is_real.sum(dim=1, keepdim=True)
        spreads.append(((axis - mean).square() * jets.is_real).sum(dim=1, keepdim=True))
    away = torch.where((jets.vectors[:, 2] * jets.is_real).sum(dim=1, keepdim=True) < 0, -1.0, 1.0)
    is_clear = (spreads[0] - spreads[1]).abs() > SMALL_SPREAD
    return torch.where(is_clear, torch.where(spreads[0] < spreads[1], 1.0, -1.0), away)


def shifted(features: Tensor, changes: dict[str, Tensor], columns: FeatureColumns) -> Tensor:
    """`features` (N, C, P) after their values, before standardisation, have changed by `changes` (N, P)."""
    features = features.clone()
    for name, change in changes.items():
        for place in columns.where(name):
            column = columns.columns[place]
            features[:, place] = column.standardised(column.original(features[:, place]) + change)
    return features


def with_dropped_particles(jets: Jets, share: float) -> Jets:
    """Jets without a random `share` of their particles; at least one is left."""
    num_kept = (jets.num_real * (1 - share)).round().long().clamp(min=1)
    draw = torch.rand(jets.is_real.shape, device=jets.is_real.device)
    return jets.gather(lowest(draw, jets.is_real, num_kept), num_kept)


def with_split_particles(jets: Jets, share: float, columns: FeatureColumns) -> Jets:
    """Jets of which a random `share` of the particles, to the nearest whole number, is split collinearly, behind the
    others. Both parts have the particle's type and charge, as the sum of pT is what a collinear splitting keeps."""
    device = jets.is_real.device
    num_split = (jets.num_real * share).round().long()
    draw = torch.rand(jets.is_real.shape, device=device)
    is_split = lowest(draw, jets.is_real, num_split)
    fraction = torch.where(is_split, torch.rand(draw.shape, device=device).clamp(0.05, 0.95), 1.0)
    first, second = (scaled(jets, x, columns) for x in (fraction, torch.where(is_split, 1 - fraction, 1.0)))
    num_both = jets.num_real + num_split
    both = Jets(
        points=torch.cat([first.points, second.points], dim=2),
        features=torch.cat([first.features, second.features], dim=2),
        vectors=torch.cat([first.vectors, second.vectors], dim=2),
        is_real=torch.cat([jets.is_real, is_split], dim=1),
        num_real=num_both,
    )
    return both.gather(both.is_real, num_both)


def scaled(jets: Jets, factor: Tensor, columns: FeatureColumns) -> Jets:
    """Particles with `factor` (N, P) times their momentum, in the same direction."""
    log = factor.log()
    names = ("part_pt_log", "part_e_log", "part_logptrel", "part_logerel")
    features = shifted(jets.features, dict.fromkeys(names, log), columns)
    return replace(jets, vectors=jets.vectors * factor.unsqueeze(1), features=features)


def without_features(jets: Jets, places: list[int], share: float) -> Jets:
    """Jets with the features in `places` set to 0 in a random `share` of the jets."""
    if share == 0 or not places:
        return jets
    lost = torch.rand(len(jets.features), 1, 1, device=jets.features.device) < share
    chosen = torch.zeros(jets.features.size(1), dtype=torch.bool, device=jets.features.device)
    chosen[places] = True
    return replace(jets, features=jets.features.masked_fill(lost & chosen.view(1, -1, 1), 0))
