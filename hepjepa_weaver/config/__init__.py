"""Options that weaver's `-o key value` sets: small frozen dataclasses, one for each part of a network.

Each field is an option (`config.option`). `config.options` fills the dataclasses from the command line, and
`config.describe` lists the options.
"""

from hepjepa_weaver.config.classifiers import (
    FinetuneConfig,
    HeadConfig,
    OmnijetFinetuneConfig,
    ParticleNetConfig,
    ParticleNetLayers,
    ParticleTransformerConfig,
    TuningConfig,
)
from hepjepa_weaver.config.encoder import EncoderConfig, TokenConfig
from hepjepa_weaver.config.jepa import EmaConfig, JepaConfig, LossConfig, TargetConfig
from hepjepa_weaver.config.masked import AugmentConfig, MaskedConfig, MaskingConfig, PredictorConfig, StudentConfig
from hepjepa_weaver.config.mpm import MpmConfig, MpmTargetConfig
from hepjepa_weaver.config.omnijet import OmnijetConfig
from hepjepa_weaver.config.pretraining import MonitorConfig, PretrainingConfig
from hepjepa_weaver.config.tokenizer import TokenizerConfig

__all__ = [
    "AugmentConfig",
    "EmaConfig",
    "EncoderConfig",
    "FinetuneConfig",
    "HeadConfig",
    "JepaConfig",
    "LossConfig",
    "MaskedConfig",
    "MaskingConfig",
    "MonitorConfig",
    "MpmConfig",
    "MpmTargetConfig",
    "OmnijetConfig",
    "OmnijetFinetuneConfig",
    "ParticleNetConfig",
    "ParticleNetLayers",
    "ParticleTransformerConfig",
    "PredictorConfig",
    "PretrainingConfig",
    "StudentConfig",
    "TargetConfig",
    "TokenConfig",
    "TokenizerConfig",
    "TuningConfig",
]
