"""The encoder, and the tokens that it gets."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.options import require


@dataclass(frozen=True)
class EncoderConfig:
    """Weaver's ParticleTransformer; names and defaults (ParT-full) as in the particle_transformer
    repository, so that an option means the same in `part.py`, pre-training and fine-tuning.

    pair_bias: ParT's pairwise term in the attention, HEP-JEPA's "physics bias".
    layer_scale: train ParT's scales of heads and residuals in the particle blocks, or leave them at 1; MPMv2's JEPA
        variants (2409.12589) leave theirs off.
    """

    embed_dims: tuple[int, ...] = (128, 512, 128)
    pair_embed_dims: tuple[int, ...] = (64, 64, 64)
    num_heads: int = 8
    num_layers: int = 8
    num_cls_layers: int = 2
    dropout: float = 0.1
    pair_bias: bool = True
    layer_scale: bool = True

    def __post_init__(self) -> None:
        require(len(self.embed_dims) > 0, "embed_dims", self.embed_dims, "at least one width")
        for name in ("embed_dims", "pair_embed_dims"):
            require(all(width > 0 for width in getattr(self, name)), name, getattr(self, name), "widths above 0")
        require(self.num_heads > 0, "num_heads", self.num_heads, "1 or more")
        require(self.embed_dims[-1] % self.num_heads == 0, "num_heads", self.num_heads, "a divisor of the width")
        require(self.num_layers > 0, "num_layers", self.num_layers, "1 or more")
        require(self.num_cls_layers > 0, "num_cls_layers", self.num_cls_layers, "1 or more (ParT's class token)")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "from 0 up to, not including, 1")

    @property
    def width(self) -> int:
        """Width D of a particle token."""
        return self.embed_dims[-1]


@dataclass(frozen=True)
class TokenConfig:
    """What the tokens of a jet are (`hepjepa_weaver.model.patches`).

    tokens: one of each particle, or of each patch of neighbouring particles as in HEP-JEPA (2502.03933).
    num_patches, patch_size: patches of a jet and particles of a patch, at most; unpublished for HEP-JEPA.
    num_registers: tokens of no particle in the particle blocks; HEP-JEPA has 8. Stock ParT has no place for them.
    """

    tokens: Literal["particles", "patches"] = "particles"
    num_patches: int = 16
    patch_size: int = 8
    num_registers: int = 0

    def __post_init__(self) -> None:
        for name in ("num_patches", "patch_size"):
            require(getattr(self, name) > 0, name, getattr(self, name), "1 or more")
        require(self.num_registers >= 0, "num_registers", self.num_registers, "0 or more")
