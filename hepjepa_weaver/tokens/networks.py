"""Networks over the particles of jets, before and behind a codebook.

Shapes: N jets, P particles, D width.
"""

from abc import ABC, abstractmethod
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from hepjepa_weaver.config.tokenizer import EncodingConfig
from hepjepa_weaver.particle_transformer.blocks import transform_all
from hepjepa_weaver.particle_transformer.cache import LayerCache, transform_next
from hepjepa_weaver.particle_transformer.in_groups import through_groups
from hepjepa_weaver.particle_transformer.supported import check_block
from hepjepa_weaver.weaver_api.networks import Block


class ParticleNetwork(nn.Module, ABC):
    """A network from vectors (N, P, in) to vectors (N, P, out), particle by particle or with attention."""

    @abstractmethod
    def forward(self, x: Tensor, is_real: Tensor, num_real: Tensor) -> Tensor:
        """Return vectors (N, P, out); those of padding mean nothing.

        Args:
            x: (N, P, in).
            is_real: (N, P), True for a particle, False for padding.
            num_real: (N,), number of particles per jet, on the host.
        """


class ParticleMlp(ParticleNetwork):
    """An MLP with three hidden layers that sees each particle alone [OmniJet-α 2403.05618]."""

    def __init__(self, num_in: int, num_out: int, width: int) -> None:
        super().__init__()
        widths = (num_in, width, width, width)
        hidden = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
        self.layers = nn.Sequential(*hidden, nn.Linear(width, num_out))

    def forward(self, x: Tensor, is_real: Tensor, num_real: Tensor) -> Tensor:  # noqa: ARG002
        """Return vectors (N, P, out)."""
        y: Tensor = self.layers(x)
        return y


class ParticleBlocks(ParticleNetwork):
    """Transformer blocks over the particles of a jet, without positions: the order of particles has no effect.

    The blocks are weaver's, which norm like OmniJet-α's tokenizer [2403.05618]: before and after the attention, and
    inside the feed-forward part.

    Args:
        num_in: width of the input.
        num_out: width of the output.
        config: width, number of blocks and heads, dropout.
        is_causal: let each particle see itself and those before it only.
    """

    def __init__(self, num_in: int, num_out: int, config: EncodingConfig, is_causal: bool) -> None:
        super().__init__()
        self.is_causal = is_causal
        self.project_in = nn.Linear(num_in, config.tokenizer_dim)
        self.blocks = nn.ModuleList(new_blocks(config))
        self.norm = nn.LayerNorm(config.tokenizer_dim)
        self.project_out = nn.Linear(config.tokenizer_dim, num_out)

    def forward(self, x: Tensor, is_real: Tensor, num_real: Tensor) -> Tensor:
        """Return vectors (N, P, out); jets of similar length should stand side by side, which is faster."""
        x = self.project_in(x)
        x = through_groups(x, is_real, num_real, self.is_causal, partial(transform_all, self.blocks))
        y: Tensor = self.project_out(self.norm(x))
        return y

    def new_caches(self, num_jets: int, length: int) -> list[LayerCache]:
        """Return empty caches of keys and values, one per block, for `next_particle`."""
        example = self.project_in.weight
        return [LayerCache.empty(block, num_jets, length, example) for block in self.blocks]

    def next_particle(self, x: Tensor, caches: list[LayerCache]) -> Tensor:
        """Return vectors (N, 1, out) of the next particle of each jet (N, 1, in); the caches hold those before it."""
        x = self.project_in(x)
        for block, cache in zip(self.blocks, caches, strict=True):
            x = transform_next(block, x, cache)
        y: Tensor = self.project_out(self.norm(x))
        return y


def new_blocks(config: EncodingConfig) -> list[nn.Module]:
    """Return the transformer blocks of one side of a tokenizer."""
    blocks = [
        Block(
            embed_dim=config.tokenizer_dim,
            num_heads=config.tokenizer_heads,
            dropout=config.tokenizer_dropout,
            attn_dropout=config.tokenizer_dropout,
            activation_dropout=config.tokenizer_dropout,
        )
        for _ in range(config.tokenizer_layers)
    ]
    for block in blocks:
        check_block(block)
    return blocks


def new_encoder(num_in: int, num_out: int, config: EncodingConfig) -> ParticleNetwork:
    """Return the network before the codebook; it sees the whole jet, or the particle alone if unconditional."""
    if config.encoding == "unconditional":
        return ParticleMlp(num_in, num_out, config.tokenizer_dim)
    return ParticleBlocks(num_in, num_out, config, is_causal=False)


def new_decoder(num_in: int, num_out: int, config: EncodingConfig) -> ParticleNetwork:
    """Return the network behind the codebook."""
    if config.encoding == "unconditional":
        return ParticleMlp(num_in, num_out, config.tokenizer_dim)
    return ParticleBlocks(num_in, num_out, config, is_causal=config.encoding == "causal")
