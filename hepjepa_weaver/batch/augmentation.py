"""Augmentation of jets: features and four-vectors change together.

The jet axis stays where it was. Features that depend on a change are updated by the difference, in the standardisation
of the data config. All other features stay.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import CHARGE, DISPLACEMENT, IS_VERTEX, TYPES, FeatureColumns, feature_columns
from hepjepa_weaver.batch.displacement import IMPACT, with_mirrored_displacement, with_turned_displacement
from hepjepa_weaver.batch.geometry import eta_of, jet_side
from hepjepa_weaver.batch.jets import Jets, lowest, sent_to
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import AugmentConfig
from hepjepa_weaver.config.option import require
from hepjepa_weaver.runtime.compiled import Layout, in_layout
from hepjepa_weaver.runtime.precision import in_single_precision
from hepjepa_weaver.weaver_api.log import logger

LARGEST_SMEAR = 0.1
"""Largest standard deviation of a smearing in Δη and Δφ; it keeps the softest particles inside the jet."""
CHANGED = ("part_e_log", "part_logerel", "part_deltaR", "part_deta", "part_dphi", "part_pt_log", "part_logptrel")
"""Features that depend on a particle's position or momentum, besides its impact parameters."""

OF_VERTICES = ("sv_mass_log", "sv_ntracks", "sv_dxy_log", "sv_dxysig_log", "sv_chi2", "sv_costheta")
"""Features of secondary vertices that a rotation about the jet axis does not change, or hardly."""


class Augmentation:
    """Augmentation of a batch; every call changes every jet anew [JetCLR, 2108.04253, section 2; HEP-JEPA 2502.03933].

    Raises:
        UserError: `-o displacement turned` with only one of the two impact parameters in the data config, or features
            are to be dropped that it does not have.
    """

    def __init__(self, config: AugmentConfig, columns: FeatureColumns, layout: Layout = "padded") -> None:
        """Keep the options.

        Args:
            config: which changes to draw.
            columns: columns of the data config.
            layout: whether rotations and reflections are compiled.
        """
        self.config, self.columns, self.layout = config, columns, layout
        self.turns = config.rotate or config.reflect
        if self.turns and config.displacement == "turned" and len(columns.where(*IMPACT)) == 1:
            raise UserError(
                f"-o displacement turned turns {' and '.join(IMPACT)} together, and the data config has one of them "
                "only: give both, or set -o displacement mirrored"
            )
        for kind, places in columns.to_drop().items():
            share = getattr(config, f"drop_{kind}")
            require(bool(places) or share == 0, f"drop_{kind}", share, "0: the data config has no such features")
        unknown = set(columns.names).difference(CHANGED, DISPLACEMENT, TYPES, [CHARGE, IS_VERTEX], OF_VERTICES)
        if unknown and (self.turns or config.smear > 0 or config.split > 0):
            logger.warning(
                "-o rotate, reflect, smear and split leave %s as they are: if they depend on a particle's place or "
                "momentum, name them as JetClass does (%s), or switch these options off",
                *(", ".join(sorted(names)) for names in (unknown, CHANGED)),
            )

    def __call__(self, jets: Jets) -> Jets:
        """Return the jets with particles dropped, split and moved, and features dropped, as the options say."""
        jets = self.with_other_particles(jets)
        return without(jets, self.lost_features(jets))

    def with_other_particles(self, jets: Jets) -> Jets:
        """Return the jets with particles dropped, split and moved; no feature is dropped."""
        if self.config.drop > 0:
            jets = with_dropped_particles(jets, self.config.drop)
        if self.config.split > 0:
            jets = with_split_particles(jets, self.config.split, self.columns)
        return self.moved(jets)

    def lost_features(self, jets: Jets) -> Tensor | None:
        """Draw which features (N, C, 1) of each jet are to be dropped; None if no option drops any."""
        drawn = (
            drawn_to_lose(jets, places, getattr(self.config, f"drop_{kind}"))
            for kind, places in self.columns.to_drop().items()
        )
        marked = [lost for lost in drawn if lost is not None]
        return torch.stack(marked).any(dim=0) if marked else None

    def moved(self, jets: Jets) -> Jets:
        """Return the jets with their particles moved: smeared, rotated and reflected, none added or removed."""
        config = self.config
        # In half precision a rotation would move particles by more than those of a jet's core are apart.
        with in_single_precision(jets.points):
            if config.smear > 0:
                jets = smeared(jets, config.smear, self.columns)
            if self.turns:
                jets = in_layout(Augmentation._turned, self.layout)(self, jets)
        return jets

    def _turned(self, jets: Jets) -> Jets:
        """Rotate and reflect the jets in (Δη, Δφ), their impact parameters included."""
        num_jets, device = len(jets.points), jets.points.device
        unchanged = torch.eye(2, device=device).expand(num_jets, 2, 2)
        reflection = reflections(num_jets, device) if self.config.reflect else unchanged
        turn = reflection @ rotations(num_jets, device) if self.config.rotate else reflection
        moved = moved_to(jets, turn @ jets.points, self.columns)
        if self.config.displacement == "turned":
            return with_turned_displacement(moved, jets, turn, self.columns)
        return with_mirrored_displacement(moved, reflection, self.columns)


def augmentation_of(data_config: Any, config: AugmentConfig, layout: Layout = "padded") -> Augmentation | None:
    """Return the augmentation of training jets of weaver's data config; None if no option asks for any.

    Raises:
        UserError: a feature that changes has no known standardisation in the data config.
    """
    return None if config == AugmentConfig() else Augmentation(config, feature_columns(data_config), layout)


def rotations(num_jets: int, device: torch.device) -> Tensor:
    """Draw matrices (N, 2, 2) that rotate (Δη, Δφ), each jet by another angle."""
    angle = 2 * torch.pi * torch.rand(num_jets, device=device)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)


def reflections(num_jets: int, device: torch.device) -> Tensor:
    """Draw matrices (N, 2, 2) that change the sign of Δη and of Δφ, each with probability 1/2."""
    return torch.diag_embed(torch.randint(0, 2, (num_jets, 2), device=device) * 2.0 - 1)


def smeared(jets: Jets, smear: float, columns: FeatureColumns) -> Jets:
    """Smear Δη and Δφ of the particles by a Gaussian of standard deviation `smear` (GeV) / pT."""
    width = (smear / jets.pt()).clamp(max=LARGEST_SMEAR).unsqueeze(1)
    return moved_to(jets, jets.points + width * torch.randn_like(jets.points), columns)


def moved_to(jets: Jets, points: Tensor, columns: FeatureColumns) -> Jets:
    """Move the jets' particles to other Δη and Δφ, `points` (N, 2, P); pT and mass stay."""
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


def shifted(features: Tensor, changes: dict[str, Tensor], columns: FeatureColumns) -> Tensor:
    """Return `features` (N, C, P) after their values, before standardisation, have changed by `changes` (N, P)."""
    features = features.clone()
    for name, change in changes.items():
        for place in columns.where(name):
            column = columns.columns[place]
            features[:, place] = column.standardised(column.original(features[:, place]) + change)
    return features


def with_dropped_particles(jets: Jets, share: float) -> Jets:
    """Remove a random fraction `share` of each jet's particles; at least one is left."""
    num_kept = (jets.num_real * (1 - share)).round().long().clamp(min=1)
    draw = torch.rand(jets.is_real.shape, device=jets.is_real.device)
    return jets.gather(lowest(draw, jets.is_real, num_kept), num_kept)


def with_split_particles(jets: Jets, share: float, columns: FeatureColumns) -> Jets:
    """Split a random fraction `share` of each jet's particles collinearly; the second parts stand behind the others.

    The number of particles to split is rounded to the nearest integer. Both parts have the particle's type and charge:
    a collinear splitting keeps the sum of pT.
    """
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
    """Multiply the momenta of particles by `factor` (N, P); directions stay."""
    log = factor.log()
    names = ("part_pt_log", "part_e_log", "part_logptrel", "part_logerel")
    features = shifted(jets.features, dict.fromkeys(names, log), columns)
    return replace(jets, vectors=jets.vectors * factor.unsqueeze(1), features=features)


def without_features(jets: Jets, places: list[int], share: float) -> Jets:
    """Set the features in `places` to 0 in a random fraction `share` of the jets."""
    return without(jets, drawn_to_lose(jets, places, share))


def drawn_to_lose(jets: Jets, places: list[int], share: float) -> Tensor | None:
    """Mark the features (N, C, 1) in `places` of a random fraction `share` of the jets; None if there can be none."""
    if share == 0 or not places:
        return None
    chosen = torch.zeros(1, jets.features.size(1), 1, dtype=torch.bool)
    chosen[:, places] = True
    lost = torch.rand(len(jets.features), 1, 1, device=jets.features.device) < share
    return lost & sent_to(lost.device, chosen)


def without(jets: Jets, lost: Tensor | None) -> Jets:
    """Set the features marked in `lost` (N, C, 1) to 0; None marks none."""
    return jets if lost is None else replace(jets, features=jets.features.masked_fill(lost, 0))
