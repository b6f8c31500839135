"""Tokens of a jet: its particles as they are, or patches of neighbouring particles.

Both are `Jets`, so that later steps need not tell them apart: a patch has a position, features and a momentum.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.geometry import FARTHEST, squared_distance
from hepjepa_weaver.batch.jets import Jets, sent_to, take
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import TokenConfig
from hepjepa_weaver.config.option import require


class ParticleTokens(nn.Module):
    """One token per particle."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, jets: Jets, grouped_as: Jets | None = None) -> Jets:  # noqa: ARG002
        """Return the jets as they are."""
        return jets


class PatchTokens(nn.Module):
    """HEP-JEPA's patches of a jet (2502.03933).

    Centres come from farthest-point sampling in (Δη, Δφ). A patch holds the particles nearest to its centre, or with
    `patch_size` 0 those to which no other centre is nearer. A small PointNet turns each patch into a token, as in
    Point-JEPA (2404.16432).

    Number and size of patches are not published. A jet with fewer particles than `num_patches` has one patch per
    particle. PointNet's BatchNorm is a LayerNorm here: masked patches must not reach the context through the
    statistics.

    Args:
        config: options of the tokens.
        num_features: number C of particle features.
        width: number of features of a patch.
    """

    def __init__(self, config: TokenConfig, num_features: int, width: int) -> None:
        super().__init__()
        self.config = config
        self.num_features = width
        first, second = width, 2 * width
        self.each = nn.Sequential(
            nn.Linear(num_features + 2, first), nn.LayerNorm(first), nn.ReLU(), nn.Linear(first, second)
        )
        self.together = nn.Sequential(
            nn.Linear(2 * second, second), nn.LayerNorm(second), nn.ReLU(), nn.Linear(second, width)
        )

    def get_extra_state(self) -> Tensor:
        """Return number and size of patches for the checkpoint; no weight has their shape."""
        return torch.tensor([self.config.num_patches, self.config.patch_size])

    def set_extra_state(self, state: Tensor) -> None:
        """Raise a UserError if a checkpoint has another number or size of patches."""
        if state.tolist() != self.get_extra_state().tolist():
            raise UserError(
                "the checkpoint is of -o num_patches {} -o patch_size {}, and this network of {} and {}: give the "
                "options of the pre-training".format(*state.tolist(), self.config.num_patches, self.config.patch_size)
            )

    def forward(self, jets: Jets, grouped_as: Jets | None = None) -> Jets:
        """Return the patches (at most G) of N jets, as `Jets` of G tokens, farthest centres first.

        Args:
            jets: the jets.
            grouped_as: the same particles elsewhere, whose positions define the patches; None stands for `jets`.
        """
        places = jets if grouped_as is None else grouped_as
        centres, num_patches = farthest_points(places, self.config.num_patches)
        slots = torch.arange(centres.size(1), device=centres.device)
        is_patch = slots < sent_to(centres.device, num_patches).unsqueeze(1)
        if self.config.patch_size == 0:
            members = of_nearest_centre(places, centres, is_patch)
        else:
            members = nearest_particles(places, centres, self.config.patch_size)
        points = take(jets.points, centres)
        return Jets(
            points=points,
            features=self._features(jets, members, points).transpose(1, 2),
            vectors=members.total(take(jets.vectors, members.particle)),
            is_real=is_patch,
            num_real=num_patches,
        )

    def _features(self, jets: Jets, members: "Members", centres: Tensor) -> Tensor:
        """Compute features (N, G, W) of patches: PointNet over features and positions relative to the centre."""
        relative = take(jets.points, members.particle) - take(centres, members.patch)
        each = self.each(torch.cat([take(jets.features, members.particle), relative], dim=1).transpose(1, 2))
        best = take(members.largest(each).transpose(1, 2), members.patch).transpose(1, 2)
        return members.largest(self.together(torch.cat([best, each], dim=2)))


@dataclass(frozen=True)
class Members:
    """Particles of N jets as members of G patches, S of them per jet; a particle may be one several times.

    Attributes:
        particle: (N, S), slot of the particle.
        patch: (N, S), its patch.
        is_real: (N, S), False for padding.
        num_patches: number G.
    """

    particle: Tensor
    patch: Tensor
    is_real: Tensor
    num_patches: int

    def largest(self, x: Tensor) -> Tensor:
        """Return the largest value (N, G, W) over the members of each patch of `x` (N, S, W); 0 without any."""
        place = self._place().unsqueeze(2).expand_as(x)
        empty = x.new_zeros(len(x), self.num_patches + 1, x.size(2))
        return empty.scatter_reduce(1, place, x, "amax", include_self=False)[:, :-1]

    def total(self, x: Tensor) -> Tensor:
        """Return the sum (N, C, G) over the members of each patch of `x` (N, C, S)."""
        place = self._place().unsqueeze(1).expand_as(x)
        return x.new_zeros(*x.shape[:2], self.num_patches + 1).scatter_add(2, place, x)[..., :-1]

    def _place(self) -> Tensor:
        """Return the patch (N, S) of each member, and G for padding."""
        return self.patch.masked_fill(~self.is_real, self.num_patches)


def new_patches(
    config: TokenConfig, num_features: int, width: int, for_inference: bool = False
) -> ParticleTokens | PatchTokens:
    """Return the tokens of `-o tokens`, for particles with `num_features` features and an encoder of this `width`.

    Raises:
        UserError: patches in a network for ONNX.
    """
    is_exportable = config.tokens == "particles" or not for_inference
    require(is_exportable, "tokens", config.tokens, "'particles' for --export-onnx")
    if config.tokens == "particles":
        return ParticleTokens(num_features)
    return PatchTokens(config, num_features, width)


def farthest_points(jets: Jets, num_points: int) -> tuple[Tensor, Tensor]:
    """Return slots (N, G) of up to `num_points` particles per jet, each the farthest from those before.

    The first particle is the one with the largest pT. Point-JEPA starts at a random point, but a jet's embedding has to
    be the same each time.

    Returns:
        Slots (N, G), and their number per jet (N,) on the host.
    """
    num_real = jets.num_real.clamp(max=num_points)
    at = jets.pt().masked_fill(~jets.is_real, -1).argmax(dim=1, keepdim=True)
    distance = torch.full_like(jets.points[:, 0], torch.inf)
    chosen = [at]
    for _ in range(1, int(num_real.max())):
        distance = torch.minimum(distance, squared_distance(jets.points, take(jets.points, at)))
        distance = distance.nan_to_num(nan=FARTHEST, posinf=FARTHEST).scatter(1, at, -1)
        at = distance.masked_fill(~jets.is_real, -2).argmax(dim=1, keepdim=True)
        chosen.append(at)
    return torch.cat(chosen, dim=1), num_real


def nearest_particles(jets: Jets, centres: Tensor, num_nearest: int) -> Members:
    """Return the particles nearest to each of the `centres` (N, G), itself included; fewer if the jet has no more."""
    distance = distances(jets, centres)
    # A stable sort: among particles at equal distance topk picks any, and another one in a longer batch.
    nearest, index = distance.sort(dim=2, stable=True)
    index, is_member = index[..., :num_nearest], nearest[..., :num_nearest].isfinite()
    patch = torch.arange(centres.size(1), device=centres.device).view(1, -1, 1).expand_as(index)
    return Members(index.flatten(1), patch.flatten(1), is_member.flatten(1), centres.size(1))


def of_nearest_centre(jets: Jets, centres: Tensor, is_patch: Tensor) -> Members:
    """Return each particle as a member of the patch with the nearest centre.

    Args:
        jets: N jets of P particles.
        centres: (N, G), slots of the particles that are centres. A centre is in its own patch.
        is_patch: (N, G), False for padding.
    """
    distance = distances(jets, centres).masked_fill(~is_patch.unsqueeze(2), torch.inf)
    slots = torch.arange(jets.is_real.size(1), device=centres.device).expand_as(jets.is_real)
    is_own = (slots.unsqueeze(1) == centres.unsqueeze(2)) & is_patch.unsqueeze(2)
    nearest = distance.masked_fill(is_own, -1).argmin(dim=1)
    return Members(slots, nearest, jets.is_real, centres.size(1))


def distances(jets: Jets, centres: Tensor) -> Tensor:
    """Return squared distances (N, G, P) of particles from each of the `centres` (N, G), infinite for padding."""
    at = take(jets.points, centres)
    distance = squared_distance(jets.points.unsqueeze(2), at.unsqueeze(3))
    return distance.nan_to_num(nan=FARTHEST, posinf=FARTHEST).masked_fill(~jets.is_real.unsqueeze(1), torch.inf)
