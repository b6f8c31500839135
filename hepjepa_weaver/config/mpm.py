"""Masked particle modelling's own."""

from dataclasses import dataclass

from hepjepa_weaver.config.options import require
from hepjepa_weaver.config.pretraining import MonitorConfig, PretrainingConfig, check_tokens_have_features


@dataclass(frozen=True)
class MpmLossConfig:
    """identity_weight: of the classes of particle types beside the features. It is 0.3 in MPMv2 (2409.12589), whose
    features have a spread of 1; those of the data configs here have less, and at 0.3 the classes drown them."""

    identity_weight: float = 0.03

    def __post_init__(self) -> None:
        require(self.identity_weight >= 0, "identity_weight", self.identity_weight, "0 or more")


@dataclass(frozen=True)
class MpmConfig(PretrainingConfig):
    """Everything `network_configs/mpm_pretrain.py` understands."""

    monitor: MonitorConfig = MonitorConfig(embed_with="context")
    loss: MpmLossConfig = MpmLossConfig()

    def __post_init__(self) -> None:
        check_tokens_have_features("network_configs/mpm_pretrain.py", self.tokens)
        expected = "'mean', as masked particle modelling trains no class token"
        require(self.monitor.embedding == "mean", "embedding", self.monitor.embedding, expected)
        expected = "'context', as masked particle modelling has no target encoder"
        require(self.monitor.embed_with == "context", "embed_with", self.monitor.embed_with, expected)
