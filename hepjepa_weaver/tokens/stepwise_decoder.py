"""Decoding particle by particle, for a generator that reads the particles that it has made.

Shapes: N jets.
"""

import torch
from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.tokens.networks import ParticleBlocks
from hepjepa_weaver.tokens.particle_values import Particles
from hepjepa_weaver.tokens.tokenizer import JetTokenizer


def require_stepwise(tokenizer: JetTokenizer) -> None:
    """Check that a tokenizer decodes particle by particle.

    Raises:
        UserError: a particle depends on codes of later ones.
    """
    if not tokenizer.decodes_one_by_one:
        raise UserError(
            "the tokenizer has -o encoding conditional, which decodes whole jets only: train one with -o encoding "
            "causal, unconditional or binned"
        )


class StepwiseDecoder:
    """Particles from their codes, one of each jet at a time.

    Args:
        tokenizer: the tokenizer, in eval mode.
        num_jets: number N of jets.
        length: largest number of particles of a jet.

    Raises:
        UserError: a particle depends on codes of later ones.
    """

    def __init__(self, tokenizer: JetTokenizer, num_jets: int, length: int) -> None:
        require_stepwise(tokenizer)
        self.tokenizer = tokenizer
        decoder = getattr(tokenizer, "decoder", None)
        self.blocks = decoder if isinstance(decoder, ParticleBlocks) else None
        self.caches = [] if self.blocks is None else self.blocks.new_caches(num_jets, length)

    def next_particle(self, codes: Tensor) -> Particles:
        """Return the particles (N, 1) of the next codes (N,)."""
        codes = codes.unsqueeze(1)
        is_real = torch.ones_like(codes, dtype=torch.bool)
        if self.blocks is None:
            values = self.tokenizer.values(codes, is_real, torch.ones(len(codes), dtype=torch.long))
        else:
            latent = self.tokenizer.quantizer.vectors(codes // self.tokenizer.num_identities)
            values = self.blocks.next_particle(latent, self.caches).float()
        return self.tokenizer.as_particles(values, codes, is_real)

    def keep(self, jets: Tensor) -> None:
        """Go on with some of the jets, given by their places (n,)."""
        for cache in self.caches:
            cache.keep(jets)
