"""Options that change how fast a network is computed, and nothing else: no result depends on them."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.option import Options, option


@dataclass(frozen=True)
class SpeedConfig(Options):
    """How the particles of a batch are computed (`particle_transformer.packing`)."""

    layout: Literal["padded", "packed", "compiled"] = option(
        "padded",
        "how the particles of a batch are computed; the result is the same. padded: jets as long as the longest. "
        "packed: without padding, apart from attention. compiled: packed, and encoder, predictor and augmentation are "
        "compiled (`torch.compile`), for GPUs",
    )


@dataclass(frozen=True)
class OwnCodeConfig(SpeedConfig):
    """Which code computes weaver's own ParT."""

    fast: bool = option(
        False,
        "compute blocks and pairwise term with the code of this package, not with weaver's. The result is the same",
    )
