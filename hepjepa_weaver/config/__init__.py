"""What can be set with weaver's `-o key value`: small frozen dataclasses, one per part of the network.

A field is an option; `hepjepa_weaver.config.options` fills them from the command line.
"""

from hepjepa_weaver.config.classifiers import (
    FinetuneConfig,
    HeadConfig,
    PartConfig,
    ParticleNetConfig,
    ParticleNetLayers,
    TuningConfig,
)
from hepjepa_weaver.config.encoder import EncoderConfig, TokenConfig
from hepjepa_weaver.config.jepa import EmaConfig, JepaConfig, LossConfig, StudentConfig, TargetConfig
from hepjepa_weaver.config.mpm import MpmConfig, MpmLossConfig
from hepjepa_weaver.config.pretraining import (
    AugmentConfig,
    MaskingConfig,
    MonitorConfig,
    PredictorConfig,
    PretrainingConfig,
)

__all__ = [
    "AugmentConfig",
    "EmaConfig",
    "EncoderConfig",
    "FinetuneConfig",
    "HeadConfig",
    "JepaConfig",
    "LossConfig",
    "MaskingConfig",
    "MonitorConfig",
    "MpmConfig",
    "MpmLossConfig",
    "PartConfig",
    "ParticleNetConfig",
    "ParticleNetLayers",
    "PredictorConfig",
    "PretrainingConfig",
    "StudentConfig",
    "TargetConfig",
    "TokenConfig",
    "TuningConfig",
]
