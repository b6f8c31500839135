"""Options of the encoder and of its input tokens."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.option import Options, at_least, fraction_below_one, option, positive_widths, require

PART = "ParT 2202.03772"


@dataclass(frozen=True)
class EncoderConfig(Options):
    """Weaver's ParticleTransformer.

    Names and defaults (ParT-full) are those of the particle_transformer repository.
    """

    embed_dims: tuple[int, ...] = option(
        (128, 512, 128),
        "widths of the MLP that embeds a particle. The last one is the width D of a token",
        positive_widths(at_least_one=True),
        PART,
    )
    pair_embed_dims: tuple[int, ...] = option(
        (64, 64, 64), "widths of the MLP that embeds a pair of particles", positive_widths(), PART
    )
    num_heads: int = option(8, "number of attention heads; a divisor of the width", at_least(1), PART)
    num_layers: int = option(
        8,
        "number of particle-attention blocks. 0, not for pre-training: the head sees particles one by one",
        at_least(0),
        PART,
    )
    num_cls_layers: int = option(2, "number of class-attention blocks", at_least(1), PART)
    dropout: float = option(0.1, "dropout probability in the particle-attention blocks", fraction_below_one(), PART)
    pair_bias: bool = option(
        True, "add ParT's pairwise term to the attention scores", source="ParT; HEP-JEPA's physics bias, 2502.03933"
    )
    use_pre_activation_pair: bool = option(
        False,
        "leave out the activation at the end of the pairwise term, as weaver's default and Sophon's weights do. A "
        "checkpoint of other code does not tell it",
        source="weaver's `ParticleTransformer`; the particle_transformer repository has False",
    )
    layer_scale: bool = option(
        True,
        "train ParT's scales of heads and residuals. False leaves them at 1",
        source="MPMv2's JEPA variants, 2409.12589, leave them off",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.num_layers > 0 or not self.pair_bias, "pair_bias", True, "False for num_layers 0")
        require(self.width % self.num_heads == 0, "num_heads", self.num_heads, f"a divisor of the width {self.width}")

    @property
    def width(self) -> int:
        """Width D of a particle token."""
        return self.embed_dims[-1]


@dataclass(frozen=True)
class TokenConfig(Options):
    """Tokens of a jet (`model.patches`)."""

    tokens: Literal["particles", "patches"] = option(
        "particles",
        "tokens of a jet. particles: one token per particle. patches: one token per patch of neighbouring particles",
        source="patches: HEP-JEPA 2502.03933",
    )
    num_patches: int = option(16, "largest number of patches per jet", at_least(1), "not published for HEP-JEPA")
    patch_size: int = option(
        8,
        "number of particles per patch, the nearest to its centre; one particle may be in several patches. 0: every "
        "particle is in one patch, that of the nearest centre",
        at_least(0),
        "not published for HEP-JEPA",
    )
    num_registers: int = option(
        0,
        "number of register tokens, which belong to no particle, in the particle blocks. Stock ParT cannot load them",
        at_least(0),
        "HEP-JEPA 2502.03933 has 8",
    )
    pt_ranks: bool = option(
        False,
        "add a learned vector for its pT rank to each particle token, which breaks the symmetry under permutations. "
        "Stock ParT cannot load them",
        source="MPM 2401.13537",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(not (self.pt_ranks and self.tokens == "patches"), "pt_ranks", True, "False for patches")
