"""Small networks and weaver command lines for tests."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import weaver.train

from hepjepa_weaver.config import JepaConfig
from hepjepa_weaver.encoder import ParTEncoder
from hepjepa_weaver.inputs import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.masking import Masking
from hepjepa_weaver.objectives.jepa import Jepa
from hepjepa_weaver.options import config_from_options
from hepjepa_weaver.predictor import Predictor

REPOSITORY = Path(__file__).parents[2]
SMALL_ENCODER = {"embed_dims": (16, 32, 16), "pair_embed_dims": (8, 8), "num_heads": 4, "num_layers": 2}
SMALL_PREDICTOR = {"predictor_dim": 8, "predictor_layers": 1, "predictor_heads": 2}


def small_config(**options: Any) -> JepaConfig:
    return config_from_options(JepaConfig, {**SMALL_ENCODER, **SMALL_PREDICTOR, **options})


def small_jepa(seed: int = 0, num_features: int = 17, **options: Any) -> Jepa:
    """A HEP-JEPA network of width 16 without dropout, unless `options` say otherwise."""
    torch.manual_seed(seed)
    config = small_config(**{"dropout": 0.0, **options})
    with_latent = config.loss.event_weight > 0
    return Jepa(
        reader=JetReader(REQUIRED_GROUPS),
        masking=Masking(config.masking),
        encoder=ParTEncoder(num_features, config.encoder, config.weaver, with_latent),
        predictor=Predictor(config.encoder.width, config.predictor, with_latent),
        ema=config.ema,
        embedding=config.monitor.embedding,
    )


def weaver_args(*command_line: str) -> Any:
    """Weaver's own parsed command line."""
    return weaver.train.parser.parse_args(list(command_line))


class BatchList:
    """Fixed batches of inputs and labels where weaver has a data loader."""

    def __init__(self, batches: list[tuple[torch.Tensor, ...]], labels: list[torch.Tensor]) -> None:
        self.batches, self.labels = batches, labels
        self.dataset = SimpleNamespace(config=SimpleNamespace(input_names=REQUIRED_GROUPS, label_names=("_label_",)))

    def __iter__(self) -> Any:
        for inputs, label in zip(self.batches, self.labels, strict=True):
            yield dict(zip(REQUIRED_GROUPS, inputs, strict=True)), {"_label_": label}, {}
