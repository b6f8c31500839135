"""What a classifier reads of a jet's particles: five standardised kinematic features, or the ids of their tokens.

Shapes: N jets, P particles of the longest jet of a batch, S particles of all jets, C features.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.observables import summed
from hepjepa_weaver.fidelity.particles import Ints, JetParticles

NUM_FEATURES = 5
LOWEST_PT = 1e-3
"""GeV; smaller values are raised to it before a logarithm."""


@dataclass(frozen=True)
class ParticleInputs:
    """Inputs of N jets.

    Attributes:
        counts: (N,), number of particles of each jet.
        values: (S, C) features, or (S,) token ids from 0 to `codes` - 1.
        codes: number of token ids; 0 for features.
    """

    counts: Ints
    values: NDArray[np.float32] | Ints
    codes: int = 0

    def __len__(self) -> int:
        return len(self.counts)

    def padded(self, jets: Ints, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return values (n, P, C) or (n, P) of n chosen jets, zero in padding, and which slots are real (n, P)."""
        counts, starts = self.counts[jets], (np.cumsum(self.counts) - self.counts)[jets]
        slots = np.arange(max(int(counts.max()), 1))
        is_real = slots < counts[:, None]
        table = np.zeros((*is_real.shape, *self.values.shape[1:]), self.values.dtype)
        table[is_real] = self.values[(starts[:, None] + slots)[is_real]]
        return torch.from_numpy(table).to(device), torch.from_numpy(is_real).to(device)


def kinematic_inputs(jets: JetParticles) -> ParticleInputs:
    """Return log pT, Δη, Δφ, log of the share of the jet's pT, and ΔR of the particles."""
    jet_pt = np.maximum(summed(jets)[0], LOWEST_PT)[jets.owner]
    pt = np.maximum(jets.pt, LOWEST_PT)
    columns = (np.log(pt), jets.deta, jets.dphi, np.log(pt / jet_pt), np.hypot(jets.deta, jets.dphi))
    return ParticleInputs(jets.counts, np.stack(columns, axis=1).astype(np.float32))


def id_inputs(jets: JetParticles, ids: Ints, codes: int) -> ParticleInputs:
    """Return the token ids (S,) of the particles as inputs.

    Raises:
        UserError: there is not one id per particle, or an id is not from 0 to `codes` - 1.
    """
    if len(ids) != len(jets.pt):
        raise UserError(f"{len(ids)} token ids for {len(jets.pt)} particles: give one id per particle")
    if len(ids) and not (ids.min() >= 0 and ids.max() < codes):
        raise UserError(f"token ids from {ids.min()} to {ids.max()}, but there are {codes} codes: give their number")
    return ParticleInputs(jets.counts, ids.astype(np.int64), codes)


def standardised(train: ParticleInputs, *others: ParticleInputs) -> tuple[ParticleInputs, ...]:
    """Return inputs with mean 0 and standard deviation 1 in `train`; ids stay as they are."""
    samples = (train, *others)
    if train.codes:
        return samples
    mean, spread = train.values.mean(axis=0), np.maximum(train.values.std(axis=0), 1e-6)
    return tuple(ParticleInputs(of.counts, ((of.values - mean) / spread).astype(np.float32)) for of in samples)


def joined_inputs(first: ParticleInputs, second: ParticleInputs) -> ParticleInputs:
    """Return the jets of `first`, followed by those of `second`."""
    values = np.concatenate([first.values, second.values])
    return ParticleInputs(np.concatenate([first.counts, second.counts]), values, first.codes)
