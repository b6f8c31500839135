"""Decoded particles as the input of a network: four-momenta and features as in the data config.

Shapes: N jets, P particles, C features.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import FeatureColumns
from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.next_token.start_token import TYPICAL_LOG_ENERGY, TYPICAL_LOG_PT
from hepjepa_weaver.tokens.particle_values import Particles

TOTALS = ("part_logptrel", "part_logerel")
"""Features relative to the whole jet."""
KINEMATIC = ("part_pt_log", "part_e_log", "part_deltaR", "part_deta", "part_dphi")


@dataclass(frozen=True)
class JetAxis:
    """Axis and totals of N jets.

    Attributes:
        eta: (N, 1), pseudorapidity, 0 or positive: Δη then has the sign of JetClass.
        log_pt: (N, 1), ln pT of the jet, in GeV.
        log_energy: (N, 1), ln E of the jet, in GeV.
    """

    eta: Tensor
    log_pt: Tensor
    log_energy: Tensor

    def keep(self, jets: Tensor) -> "JetAxis":
        """Return the axes of some of the jets, given by their places (n,)."""
        return JetAxis(self.eta[jets], self.log_pt[jets], self.log_energy[jets])


def axis_of_totals(totals: Tensor | None, num_jets: int, device: torch.device) -> JetAxis:
    """Return the axes of jets with `jet_totals` (N, 4), at η ≥ 0; central ones if the totals are not given."""
    zero = torch.zeros(num_jets, 1, device=device)
    if totals is None:
        return JetAxis(zero, zero, zero)
    log_pt, log_energy = totals[:, :1] + TYPICAL_LOG_PT, totals[:, 1:2] + TYPICAL_LOG_ENERGY
    return JetAxis(totals[:, 3:], log_pt, log_energy)


def check_columns(columns: FeatureColumns, extra_names: tuple[str, ...]) -> None:
    """Check that every feature of a network can be made of decoded particles.

    Raises:
        UserError: a feature cannot.
    """
    known = {*KINEMATIC, *TOTALS, *extra_names}
    missing = [name for name in columns.names if name not in known]
    if missing:
        raise UserError(
            f"the network takes {', '.join(missing)} of each particle, which its tokenizer does not give back: "
            "pre-train with a data config without them (JetClass_kin), or with a tokenizer of -o token_features full"
        )


def four_momenta(particles: Particles, axis_eta: Tensor) -> Tensor:
    """Return px, py, pz, E (N, 4, P) in GeV of massless particles of jets with their axis at φ = 0.

    Args:
        particles: the particles.
        axis_eta: (N, 1), pseudorapidity of the jet axis, 0 or positive.
    """
    eta, phi, pt = axis_eta + particles.deta, particles.dphi, particles.pt
    return torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh(), pt * eta.cosh()], dim=1)


def features_of(particles: Particles, vectors: Tensor, axis: JetAxis, columns: FeatureColumns) -> Tensor:
    """Return the features (N, C, P) of decoded particles, standardised as in the data config."""
    log_pt, log_energy = particles.pt.log(), vectors[:, 3].log()
    values: Mapping[str, Tensor] = {
        "part_pt_log": log_pt,
        "part_e_log": log_energy,
        "part_logptrel": log_pt - axis.log_pt,
        "part_logerel": log_energy - axis.log_energy,
        "part_deltaR": torch.hypot(particles.deta, particles.dphi),
        "part_deta": particles.deta,
        "part_dphi": particles.dphi,
        **particles.extras,
    }
    return torch.stack([column.standardised(values[column.name]) for column in columns.columns], dim=1)


def decoded_jets(particles: Particles, axis: JetAxis, columns: FeatureColumns, num_real: Tensor) -> Jets:
    """Return jets of decoded particles.

    Args:
        particles: the particles, real ones first.
        axis: axes and totals of the jets.
        columns: columns of the data config.
        num_real: (N,), number of particles per jet, on the host.
    """
    vectors = four_momenta(particles, axis.eta)
    points = torch.stack([particles.deta, particles.dphi], dim=1)
    return Jets(points, features_of(particles, vectors, axis, columns), vectors, particles.is_real, num_real)
