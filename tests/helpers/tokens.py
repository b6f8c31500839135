"""Small tokenizers and next-token models."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.config import OmnijetConfig, TokenizerConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.model.made_with import describe, made_with
from hepjepa_weaver.objectives.next_token.objective import ClassLabel
from hepjepa_weaver.objectives.next_token.of_features import NextTokenOfFeatures
from hepjepa_weaver.objectives.next_token.of_ids import NextTokenOfIds
from hepjepa_weaver.objectives.tokenizing import TokenizerTraining
from hepjepa_weaver.tokens.tokenizer import JetTokenizer
from tests.helpers.data_configs import COLUMNS, jetclass_config
from tests.helpers.networks import SMALL_ENCODER, SMALL_PREDICTOR
from tests.helpers.statistics import small_statistics
from tests.helpers.toy_jets import weaver_inputs
from tests.helpers.typed_jets import typed_jets

SMALL_TOKENIZER = {"tokenizer_dim": 16, "tokenizer_heads": 4, "tokenizer_layers": 2, "codes": 64}
SMALL_MODEL = {
    **SMALL_ENCODER,
    **SMALL_PREDICTOR,
    "dropout": 0.0,
    "token_head_layers": 1,
    "token_head_heads": 4,
    "longest": 50,
}
ENCODINGS = ("conditional", "causal", "unconditional", "binned")
KEPT = (
    {},
    {"token_features": "full"},
    {"token_features": "full", "own_identity_code": True},
)
"""Features that a code may keep."""
VARIANTS = [
    {"encoding": encoding, **kept} for encoding in ENCODINGS for kept in KEPT if encoding != "binned" or not kept
]
FULL = COLUMNS["full"]


def tokenizer_options(**options: Any) -> TokenizerConfig:
    return config_from_options(TokenizerConfig, {**SMALL_TOKENIZER, **options})


def small_tokenizer(features: str = "full", seed: int = 0, **options: Any) -> JetTokenizer:
    """A tokenizer whose codebook has seen some jets, in eval mode."""
    torch.manual_seed(seed)
    tokenizer = JetTokenizer(COLUMNS[features], tokenizer_options(**options)).train()
    with torch.no_grad():
        for name, parameter in tokenizer.named_parameters():
            if "books" not in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    for batch in range(3):
        tokenizer(typed_jets([40, 30, 20, 30], seed=batch, features=features))
    return tokenizer.eval()


def small_training(features: str = "full", seed: int = 0, **options: Any) -> TokenizerTraining:
    """The network of `jet_tokenizer.py`."""
    torch.manual_seed(seed)
    return TokenizerTraining(network_inputs(features), tokenizer_options(**options))


def network_inputs(features: str = "full") -> NetworkInputs:
    return NetworkInputs(JetReader(REQUIRED_GROUPS), COLUMNS[features])


def saved(network: torch.nn.Module, config: Any, path: Path, features: str = "full") -> Path:
    """The checkpoint of a network with its description, as weaver writes it, and that of the tokenizer it holds."""
    if isinstance(network, NextTokenOfIds | NextTokenOfFeatures) and not hasattr(network.tokenizer, "made_with"):
        describe(network.tokenizer, made_with(jetclass_config(features), network.tokenizer.config, None))
    describe(network, made_with(jetclass_config(features), config, None))
    torch.save(network.state_dict(), path)
    return path


def saved_tokenizer(path: Path, features: str = "full", seed: int = 0, steps: int = 2, **options: Any) -> Path:
    """The checkpoint of a tokenizer after some steps of training, without an optimiser."""
    training = small_training(features, seed, **options).train()
    for batch in range(steps):
        training(*weaver_inputs(typed_jets([40, 30, 20], seed=batch, features=features)))
    return saved(training, tokenizer_options(**options), path, features)


def model_options(**options: Any) -> OmnijetConfig:
    return config_from_options(OmnijetConfig, {**SMALL_MODEL, **options})


def small_model(
    tokenizer: JetTokenizer | None = None, features: str = "full", seed: int = 0, classes: int = 0, **options: Any
) -> NextTokenOfIds | NextTokenOfFeatures:
    """The network of `omnijet_pretrain.py`, with weights that are all away from where they start."""
    config = model_options(**options)
    if tokenizer is None:
        kept = "full" if config.next.reads == "decoded" and features == "full" else "kinematics"
        tokenizer = small_tokenizer(features, encoding="causal", token_features=kept)
    torch.manual_seed(seed)
    label = ClassLabel("_label_", classes) if classes else None
    tokenizer.requires_grad_(False).eval()
    model: NextTokenOfIds | NextTokenOfFeatures
    if config.next.backbone == "ids":
        model = NextTokenOfIds(network_inputs(features), config, tokenizer, label)
    else:
        clusters = small_statistics(features) if config.next.needs_clusters else None
        model = NextTokenOfFeatures(network_inputs(features), config, tokenizer, label, clusters)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def moved(model: Any, features: str = "full", steps: int = 3) -> Any:
    """The model after some batches that moved the statistics of its BatchNorms, in eval mode."""
    model.train()
    for step in range(steps):
        label = [torch.arange(4) % 2] if model.label_name else []
        model(*weaver_inputs(typed_jets([40, 30, 20, 5], seed=step, features=features)), *label)
        model.after_optimizer_step(step + 1, None)
    return model.eval()


def without_particles(jets: Jets, place: int) -> Jets:
    """The jets, of which one has no particles: the reader leaves it a zero-filled slot."""
    is_real = jets.is_real.clone()
    is_real[place, 1:] = False
    zero = {name: getattr(jets, name).clone() for name in ("points", "features", "vectors")}
    for value in zero.values():
        value[place] = 0
    return replace(jets, **zero, is_real=is_real, num_real=is_real.sum(dim=1))


def rows(jets: Jets, places: list[int]) -> Jets:
    """Some of the jets, with their padding."""
    return Jets(*(getattr(jets, name)[places] for name in ("points", "features", "vectors", "is_real", "num_real")))
