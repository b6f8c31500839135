"""Values of a particle that its code keeps, scaled for a network, and particles made of such values.

Shapes: N jets, P particles, F values of a particle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import CHARGE, DISPLACEMENT, TYPES, FeatureColumns
from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.common.errors import UserError

CENTRE, STRETCH = 1.8, 3.0
"""Scaling: ln pT - 1.8, 3 Δη, 3 Δφ, with pT in GeV [OmniJet-α 2403.05618]."""
SMALLEST_PT, LARGEST_PT = 1e-3, 1e5
"""pT in GeV to which a particle is clipped, so that its logarithm is finite."""
KINEMATICS = 3
IDENTITIES = tuple(
    (place, charge)
    for place, name in enumerate(TYPES)
    for charge in ((0,) if name in ("part_isNeutralHadron", "part_isPhoton") else (-1, 1))
)
"""The eight identities of a particle: place of its type among `TYPES`, and charge [MPMv2 2409.12589]."""


@dataclass(frozen=True)
class Particles:
    """Massless particles of N jets, relative to the jet axis.

    Attributes:
        pt: (N, P), transverse momentum in GeV.
        deta: (N, P), Δη to the jet axis.
        dphi: (N, P), Δφ to the jet axis.
        is_real: (N, P), True for a particle, False for padding.
        extras: charge, types and impact parameters (N, P) by name of the column, without standardisation. It is empty
            if the code does not keep them.
    """

    pt: Tensor
    deta: Tensor
    dphi: Tensor
    is_real: Tensor
    extras: Mapping[str, Tensor] = field(default_factory=dict)


class ParticleValues:
    """The F values of a particle, and back.

    Args:
        columns: columns of the data config.
        is_full: take charge, type, impact parameters and their errors as well.
        own_identity: leave charge and type out of the values; they are an identity (0 … 7) beside them.

    Raises:
        UserError: the data config lacks one of these features.
    """

    def __init__(self, columns: FeatureColumns, is_full: bool, own_identity: bool) -> None:
        wanted = (CHARGE, *TYPES, *DISPLACEMENT) if is_full else ()
        missing = [name for name in wanted if name not in columns.names]
        if missing:
            raise UserError(
                f"-o token_features full needs {', '.join(missing)} among pf_features of the data config: add them, or "
                "take token_features kinematics"
            )
        self.columns, self.is_full, self.own_identity = columns, is_full, own_identity
        self.names = DISPLACEMENT if own_identity else wanted
        self.places = columns.where(*self.names)

    @property
    def number(self) -> int:
        """The number F of values."""
        return KINEMATICS + len(self.places)

    @property
    def extra_names(self) -> tuple[str, ...]:
        """Names of the columns besides the kinematics that `particles` gives back."""
        return (CHARGE, *TYPES, *DISPLACEMENT) if self.is_full else ()

    def __call__(self, jets: Jets) -> Tensor:
        """Return the values (N, P, F) of the jets' particles; infinite ones stay infinite."""
        pt = jets.pt().float()
        log_pt = torch.where(pt.isinf(), pt, pt.clamp(SMALLEST_PT, LARGEST_PT)).log()
        values = [log_pt - CENTRE, STRETCH * jets.points[:, 0].float(), STRETCH * jets.points[:, 1].float()]
        values += [jets.features[:, place].float() for place in self.places]
        return torch.stack(values, dim=2)

    def identity(self, jets: Jets) -> Tensor:
        """Return the identity (N, P) of the jets' particles: place in `IDENTITIES`.

        A particle without type counts as a hadron of its charge; a charged type without charge as one of charge -1.
        """
        charge = jets.features[:, self.columns.where(CHARGE)[0]]
        flags = jets.features[:, self.columns.where(*TYPES)]
        kind = flags.argmax(dim=1)
        is_hadron = flags.amax(dim=1) <= 0
        kind = torch.where(is_hadron, (charge == 0).long(), kind)
        identity = torch.zeros_like(kind)
        for number, (place, sign) in enumerate(IDENTITIES):
            matches = (kind == place) & ((sign == 0) | ((charge > 0) == (sign > 0)))
            identity = torch.where(matches, number, identity)
        return identity

    def particles(self, values: Tensor, is_real: Tensor, identity: Tensor | None = None) -> Particles:
        """Return the particles of values (N, P, F) and, with `own_identity`, of their identities (N, P)."""
        log_pt, deta, dphi = values[..., 0], values[..., 1], values[..., 2]
        pt = (log_pt + CENTRE).exp().clamp(SMALLEST_PT, LARGEST_PT)
        extras = {}
        if self.is_full:
            given = {name: values[..., KINEMATICS + place] for place, name in enumerate(self.names)}
            originals = {name: self.columns.columns[self.columns.where(name)[0]].original(value)
                         for name, value in given.items()}  # fmt: skip
            extras = {**_identity_columns(originals, identity), **_possible_displacement(originals)}
        return Particles(pt, deta / STRETCH, dphi / STRETCH, is_real, extras)


def _identity_columns(originals: Mapping[str, Tensor], identity: Tensor | None) -> dict[str, Tensor]:
    """Return charge and types (N, P) as whole numbers that go together."""
    table = torch.tensor(IDENTITIES)
    if identity is None:
        flags = torch.stack([originals[name] for name in TYPES], dim=-1)
        kind = flags.argmax(dim=-1)
        charge = torch.where(originals[CHARGE] < 0, -1, 1)
        is_neutral = (kind == TYPES.index("part_isNeutralHadron")) | (kind == TYPES.index("part_isPhoton"))
        charge = charge.masked_fill(is_neutral, 0)
    else:
        kind, charge = table.to(identity.device)[identity].unbind(-1)
    return {CHARGE: charge.float(), **{name: (kind == place).float() for place, name in enumerate(TYPES)}}


def _possible_displacement(originals: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return impact parameters (N, P), which are hyperbolic tangents, and errors, which are from 0 to 1."""
    return {
        name: value.clamp(0, 1) if name.endswith("err") else value.clamp(-1, 1)
        for name, value in originals.items()
        if name in DISPLACEMENT
    }
