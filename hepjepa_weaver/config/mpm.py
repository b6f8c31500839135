"""Options of masked particle modelling alone."""

from dataclasses import dataclass

from hepjepa_weaver.config.masked import MaskedConfig, check_tokens_have_features
from hepjepa_weaver.config.option import Options, at_least, option, require

IDENTITY_WEIGHT = 0.03
"""Default weight of the particle types.

MPMv2 (2409.12589) has 0.3, for features of standard deviation 1. In the data configs here the standard deviation is
smaller, and with 0.3 the particle types would dominate the loss.
"""


@dataclass(frozen=True)
class MpmLossConfig(Options):
    """Weights of the loss of masked particle modelling."""

    identity_weight: float = option(
        IDENTITY_WEIGHT,
        "weight of the particle types within the loss on features",
        at_least(0),
        "MPMv2 2409.12589 has 0.3",
    )


@dataclass(frozen=True)
class MpmConfig(MaskedConfig):
    """All options of `network_configs/mpm_pretrain.py`."""

    loss: MpmLossConfig = MpmLossConfig()

    def __post_init__(self) -> None:
        check_tokens_have_features("network_configs/mpm_pretrain.py", self.tokens)
        expected = "'mean', as masked particle modelling trains no class token"
        require(self.monitor.embedding == "mean", "embedding", self.monitor.embedding, expected)
