"""Small networks and weaver command lines for tests."""

from types import SimpleNamespace
from typing import Any

import torch
import weaver.train

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.config import FinetuneConfig, JepaConfig, MpmConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.model.classifier import JetClassifier
from hepjepa_weaver.objectives.jepa.loss import JepaLoss
from hepjepa_weaver.objectives.jepa.network import Jepa
from hepjepa_weaver.objectives.mpm import MaskedParticleModel
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from tests.helpers.data_configs import COLUMNS
from tests.helpers.statistics import small_statistics

SMALL_ENCODER = {"embed_dims": (16, 32, 16), "pair_embed_dims": (8, 8), "num_heads": 4, "num_layers": 2}
SMALL_PREDICTOR = {"predictor_dim": 8, "predictor_layers": 1, "predictor_heads": 2}
PLAIN = {
    "dropout": 0.0,
    "particle_weight": 1.0,
    "event_weight": 1.0,
    "composition_weight": 0.0,
    "variance_weight": 0.0,
    "covariance_weight": 0.0,
    "rotate": False,
    "reflect": False,
    "turn_context": False,
    "context_ratio": (1.0, 1.0),
}
DEFAULTS = {
    name: value
    for part in vars(JepaConfig()).values()
    for name, value in vars(part).items()
    if name in PLAIN and name != "dropout"
}
"""What the default preset has that tests of single parts have not."""


def small_config(**options: Any) -> JepaConfig:
    """Of width 16, without dropout, augmentation and regularisers, unless `options` say otherwise."""
    return config_from_options(JepaConfig, {**SMALL_ENCODER, **SMALL_PREDICTOR, **PLAIN, **options})


def small_loss(**options: Any) -> JepaLoss:
    return JepaLoss(small_config(**options).loss)


def small_jepa(
    seed: int = 0, features: str = "full", statistics: ParticleStatistics | None = None, **options: Any
) -> Jepa:
    """A HEP-JEPA network; small statistics of particles are added where `composition_weight` needs some."""
    config, columns = small_config(**options), COLUMNS[features]
    if statistics is None and config.loss.composition_weight > 0:
        statistics = small_statistics(features)
    torch.manual_seed(seed)
    return Jepa(NetworkInputs(JetReader(REQUIRED_GROUPS), columns), config, statistics)


def default_jepa(seed: int = 0, **options: Any) -> Jepa:
    """A HEP-JEPA network that predicts what the default predicts: the whole jet and the composition."""
    return small_jepa(seed, **{"particle_weight": 0.0, "composition_weight": 1.0, **options})


def mpm_config(**options: Any) -> MpmConfig:
    """The same for masked particle modelling."""
    return config_from_options(MpmConfig, {**SMALL_ENCODER, **SMALL_PREDICTOR, "dropout": 0.0, **options})


def small_mpm(
    seed: int = 0, features: str = "full", files: tuple[Any, ...] = (), **options: Any
) -> MaskedParticleModel:
    """Masked particle modelling, with the tokenizer and the statistics of `files`."""
    torch.manual_seed(seed)
    inputs = NetworkInputs(JetReader(REQUIRED_GROUPS), COLUMNS[features])
    return MaskedParticleModel(inputs, mpm_config(**options), *files)


def finetune_config(**options: Any) -> FinetuneConfig:
    """Options of a small classifier."""
    return config_from_options(FinetuneConfig, {**SMALL_ENCODER, **options})


def small_classifier(num_features: int = 17, **options: Any) -> JetClassifier:
    """A classifier of ten classes."""
    return JetClassifier(JetReader(REQUIRED_GROUPS), num_features, 10, finetune_config(**options))


def weaver_args(*command_line: str) -> Any:
    """Weaver's own parsed command line."""
    return weaver.train.parser.parse_args(list(command_line))


WITHOUT_FILES = {
    "_init_file_dict": {}, "_sampler_options": {"reweight": True}, "_infinity_mode": False, "_in_memory": False,
    "_iters": None,
}  # fmt: skip
"""What of weaver's datasets is looked at, for one that reads no files."""


class BatchList:
    """Fixed batches of inputs and labels where weaver has a data loader."""

    def __init__(self, batches: list[tuple[torch.Tensor, ...]], labels: list[torch.Tensor]) -> None:
        self.batches, self.labels = batches, labels
        config = SimpleNamespace(
            input_names=REQUIRED_GROUPS, label_names=("_label_",), monitor_variables=("none",), input_dicts={}
        )
        self.dataset = SimpleNamespace(config=config, **WITHOUT_FILES)

    def __iter__(self) -> Any:
        for inputs, label in zip(self.batches, self.labels, strict=True):
            yield dict(zip(REQUIRED_GROUPS, inputs, strict=True)), {"_label_": label}, {}
