"""The region of particles that a code stands for: a point, or as much as the other particles of the jet allow.

Each code is decoded in many jets of random codes, as in OmniJet-α (arXiv:2403.05618, figure 3).

Shapes: K probed codes, R contexts, S particles of test jets.
"""

from dataclasses import dataclass

import numpy as np
import torch

from hepjepa_weaver.embedding.pretrained_tokenizer import PretrainedTokenizer
from hepjepa_weaver.fidelity.particles import Floats, Ints

LENGTH = 50
"""Number of particles of a random jet."""
CODES, CONTEXTS = 200, 500
ROUNDING = 1e-6
"""A smaller standard deviation is one of rounding errors in single precision, and counts as 0."""
QUANTITIES = ("ln pT", "Δη", "Δφ")


@dataclass(frozen=True)
class Coverage:
    """Particles that codes become in random contexts.

    Attributes:
        codes: (K,), the probed codes.
        values: (K, R, 3), ln pT (pT in GeV), Δη and Δφ of the particle that a code becomes in each context.
    """

    codes: Ints
    values: Floats

    @property
    def spread(self) -> Floats:
        """Standard deviation (K, 3) within each code; 0 where there are rounding errors only."""
        spread = self.values.std(axis=1)
        return np.asarray(np.where(spread < ROUNDING, 0.0, spread), np.float64)

    @property
    def median_spread(self) -> dict[str, float]:
        """Median over the codes of the standard deviation within a code, by quantity."""
        return dict(zip(QUANTITIES, map(float, np.median(self.spread, axis=0)), strict=True))


def measure_coverage(
    tokenizer: PretrainedTokenizer, codes: Ints, most: int = CODES, contexts: int = CONTEXTS, seed: int = 0
) -> Coverage:
    """Decode codes at random places of random jets.

    Args:
        tokenizer: the tokenizer.
        codes: (S,), codes of test jets, from which contexts and probed codes are drawn.
        most: the most codes to probe; they are drawn from those in use, each with the same probability.
        contexts: number R of random jets for each code.
        seed: seed of the draws.
    """
    rng = np.random.default_rng(seed)
    probed = np.unique(codes)
    if len(probed) > most:
        probed = np.sort(rng.choice(probed, most, replace=False))
    values = np.stack([_decoded(tokenizer, int(code), codes, contexts, rng) for code in probed])
    return Coverage(probed, values)


def _decoded(tokenizer: PretrainedTokenizer, code: int, codes: Ints, contexts: int, rng: np.random.Generator) -> Floats:
    """Return ln pT, Δη and Δφ (R, 3) of a code."""
    jets = codes[rng.integers(len(codes), size=(contexts, LENGTH))]
    each, place = np.arange(contexts), rng.integers(LENGTH, size=contexts)
    jets[each, place] = code
    particles = tokenizer.tokenizer.particles(torch.from_numpy(jets).to(tokenizer.device))
    columns = (values.numpy(force=True)[each, place] for values in (particles.pt, particles.deta, particles.dphi))
    pt, deta, dphi = (values.astype(np.float64) for values in columns)
    return np.stack([np.log(pt), deta, dphi], axis=1)
