"""ParT with a causal mask, one particle at a time: the output of `encode` with a `causal_bias`, without doing it anew.

Shapes: N jets, C features, H heads, D width, R registers.
"""

from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.particle_transformer.cache import LayerCache, transform_next
from hepjepa_weaver.particle_transformer.pair_embedding import embed_pairs
from hepjepa_weaver.particle_transformer.pairs import NUM_PAIR_FEATURES, particle_quantities, write_features


class StepwiseEncoder:
    """State of weaver's ParT (version 1, eval mode) after some particles of N jets.

    Args:
        mod: weaver's ParticleTransformer.
        registers: (R, D), registers that stand in front of the particles; None without.
        num_jets: number N.
        length: largest number of particles of a jet.
    """

    def __init__(self, mod: Any, registers: Tensor | None, num_jets: int, length: int) -> None:
        self.mod, self.num_registers = mod, 0 if registers is None else len(registers)
        example = mod.blocks[0].attn.in_proj.weight
        self.caches = [LayerCache.empty(block, num_jets, self.num_registers + length, example) for block in mod.blocks]
        self.seen = example.new_zeros(8, num_jets, length)
        self.num_seen = 0
        if registers is not None:
            x = registers.expand(num_jets, -1, -1)
            for block, cache in zip(mod.blocks, self.caches, strict=True):
                x = transform_next(block, x, cache)

    def next_particle(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Return the tokens (N, 1, D) of the next particle of each jet.

        Args:
            features: (N, C, 1), standardised as in the data config.
            vectors: (N, 4, 1), px, py, pz, E in GeV.
        """
        x = self.mod.embed(features)
        self.seen[:, :, self.num_seen] = particle_quantities(vectors)
        self.num_seen += 1
        bias = self._pair_bias() if self.mod.pair_embed is not None else None
        for block, cache in zip(self.mod.blocks, self.caches, strict=True):
            x = transform_next(block, x, cache, bias)
        tokens: Tensor = x
        return tokens

    def keep(self, jets: Tensor) -> None:
        """Go on with some of the jets, given by their places (n,)."""
        for cache in self.caches:
            cache.keep(jets)
        self.seen = self.seen[:, jets]

    def _pair_bias(self) -> Tensor:
        """Return the bias (N, H, 1, R + seen) of the last particle with all so far; 0 with registers."""
        seen = self.seen[:, :, : self.num_seen]
        num_jets = seen.size(1)
        last = seen[:, :, -1:].expand_as(seen).flatten(1)
        features = seen.new_empty(num_jets * self.num_seen, NUM_PAIR_FEATURES)
        write_features(last, seen.flatten(1), features)
        values = embed_pairs(self.mod.pair_embed.embed, features)
        bias = values.view(num_jets, self.num_seen, -1).transpose(1, 2).unsqueeze(2)
        return torch.nn.functional.pad(bias, (self.num_registers, 0))
