"""Small tokenizers with random weights, as they are opened from a checkpoint."""

from typing import Any

import torch

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.config.tokenizer import TokenizerConfig
from hepjepa_weaver.embedding.pretrained_tokenizer import PretrainedTokenizer
from hepjepa_weaver.host.jet_chunks import load_data_config
from hepjepa_weaver.tokens.tokenizer import JetTokenizer
from tests.helpers.data_configs import REPOSITORY

KINEMATICS = REPOSITORY / "data_configs/JetClass/JetClass_kin.yaml"
SMALL = {"codes": 64, "tokenizer_dim": 16, "tokenizer_layers": 1, "tokenizer_heads": 2, "bin_edges": "uniform"}
SMALL_OPTIONS = [word for name, value in SMALL.items() if name != "bin_edges" for word in ("-o", name, str(value))]


def small_tokenizer(encoding: str, seed: int = 0, data_config: Any = KINEMATICS) -> PretrainedTokenizer:
    """A tokenizer with 64 codes of the kinematics."""
    config = load_data_config(data_config)
    torch.manual_seed(seed)
    tokenizer = JetTokenizer(
        feature_columns(config), config_from_options(TokenizerConfig, {**SMALL, "encoding": encoding})
    )
    return PretrainedTokenizer(tokenizer.requires_grad_(False).eval(), config)
