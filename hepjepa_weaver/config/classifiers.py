"""Options of fine-tuning and of the baselines that it is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hepjepa_weaver.config.encoder import EncoderConfig, TokenConfig
from hepjepa_weaver.config.masked import AugmentConfig
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.omnijet import PAPER, TokenizerFileConfig
from hepjepa_weaver.config.option import Options, above, at_least, option, positive_fraction, require
from hepjepa_weaver.config.presets import PRESETS
from hepjepa_weaver.config.run import (
    LabelConfig,
    RunConfig,
    TargetLabelConfig,
    WeaverOptions,
    check_not_exported,
)
from hepjepa_weaver.config.speed import OwnCodeConfig, SpeedConfig

REPOSITORY = "particle_transformer repository"


@dataclass(frozen=True)
class HeadConfig(Options):
    """Classification head."""

    fc_params: tuple[tuple[int, float], ...] = option(
        (), "hidden layers of the head, as (width, dropout)", source=REPOSITORY
    )


@dataclass(frozen=True)
class ExportConfig(Options):
    """Content of the file that `--export-onnx` writes."""

    export_embedding: bool = option(False, "write a second output beside the scores: the head's input")


@dataclass(frozen=True)
class TuningConfig(Options):
    """Fine-tuning of a pre-trained encoder as a classifier (`model.classifier`)."""

    pooling: Literal["class_token", "mean", "class_attention", "sum"] = option(
        "class_token",
        "vector that represents a jet in the head. class_token: ParT's pre-trained class token. mean: mean of the "
        "particle tokens. class_attention: class token of new class blocks that belong to the head. sum: a linear "
        "layer and ReLU for each token, summed",
        source="sum: OmniJet-α 2403.05618",
    )
    attention: Literal["full", "causal"] = option(
        "full",
        "particles that a particle attends to. causal: itself and those of higher pT only, as in a pre-training on "
        "next tokens",
        source="causal: OmniJet-α 2403.05618; full: its successor, 2512.04149",
    )
    head_epochs: int = option(0, "number of first epochs that train the head alone", at_least(0), "MPMv2 2409.12589")
    encoder_lr: float = option(
        1.0,
        "learning rate of the encoder, relative to that of the head. To train no encoder, set -o freeze True",
        above(0),
    )
    layer_decay: float = option(
        1.0,
        "factor by which the learning rate falls from each encoder block to the block below",
        positive_fraction(),
        "BEiT 2106.08254",
    )
    freeze: bool = option(False, "train the head alone")
    from_scratch: bool = option(
        False, "allow random weights. Otherwise they are refused, in case --load-model-weights was forgotten"
    )


class AugmentedOptions(NetworkOptions):
    """Options of a network with labels. Presets of pre-training choose its encoder, and no augmentation."""

    @classmethod
    def own_presets(cls) -> Mapping[str, Mapping[str, Any]]:
        """Return the presets without options of augmentation."""
        left_out = vars(AugmentConfig())
        return {
            preset: {name: value for name, value in settings.items() if name not in left_out}
            for preset, settings in PRESETS.items()
        }


def require_one_view(augment: AugmentConfig) -> None:
    """Raise a UserError if a classifier, which sees one view of a jet, is to turn one against the other."""
    require(not augment.turn_context, "turn_context", True, "False for a classifier, which has no second view")


@dataclass(frozen=True)
class FinetuneConfig(AugmentedOptions):
    """All options of `network_configs/hepjepa_finetune.py`."""

    encoder: EncoderConfig = EncoderConfig()
    tokens: TokenConfig = TokenConfig()
    augment: AugmentConfig = AugmentConfig()
    head: HeadConfig = HeadConfig()
    tuning: TuningConfig = TuningConfig()
    export: ExportConfig = ExportConfig()
    speed: SpeedConfig = SpeedConfig()
    labels: TargetLabelConfig = TargetLabelConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()

    def __post_init__(self) -> None:
        require_one_view(self.augment)


@dataclass(frozen=True)
class OmnijetFinetuneConfig(NetworkOptions):
    """All options of `network_configs/omnijet_finetune.py`."""

    encoder: EncoderConfig = EncoderConfig()
    tokenizer: TokenizerFileConfig = TokenizerFileConfig()
    augment: AugmentConfig = AugmentConfig()
    head: HeadConfig = HeadConfig()
    tuning: TuningConfig = TuningConfig(pooling="sum", attention="causal")
    labels: LabelConfig = LabelConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()

    def __post_init__(self) -> None:
        require(self.tuning.pooling != "class_token", "pooling", "class_token", "'mean', 'sum' or 'class_attention': "
                "next-token pre-training has no class token")  # fmt: skip
        check_not_exported(self.weaver)
        require_one_view(self.augment)

    @classmethod
    def own_presets(cls) -> Mapping[str, Mapping[str, Any]]:
        """Return the presets of this network."""
        return {"default": {}, "paper": PAPER}


@dataclass(frozen=True)
class ParticleTransformerConfig(AugmentedOptions):
    """All options of `network_configs/part.py`."""

    encoder: EncoderConfig = EncoderConfig()
    augment: AugmentConfig = AugmentConfig()
    speed: OwnCodeConfig = OwnCodeConfig()
    head: HeadConfig = HeadConfig()
    labels: LabelConfig = LabelConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()

    def __post_init__(self) -> None:
        require_one_view(self.augment)
        is_read = self.speed.fast or self.speed.layout == "padded"
        require(is_read, "layout", self.speed.layout, "'padded' without -o fast True")


@dataclass(frozen=True)
class ParticleNetLayers(Options):
    """ParticleNet with the defaults of the particle_transformer repository."""

    conv_params: tuple[tuple[int, tuple[int, ...]], ...] = option(
        ((16, (64, 64, 64)), (16, (128, 128, 128)), (16, (256, 256, 256))),
        "EdgeConv blocks, as (neighbours, widths)",
        source="ParticleNet 1902.08570",
    )
    fc_params: tuple[tuple[int, float], ...] = option(
        ((256, 0.1),), "hidden layers of the head, as (width, dropout)", source="ParticleNet 1902.08570"
    )
    use_fusion: bool = option(False, "concatenate the outputs of all EdgeConv blocks", source=REPOSITORY)
    use_fts_bn: bool = option(True, "normalise the features with a BatchNorm", source=REPOSITORY)
    use_counts: bool = option(True, "divide the pooled sum by the number of particles", source=REPOSITORY)


@dataclass(frozen=True)
class ParticleNetConfig(AugmentedOptions):
    """All options of `network_configs/particlenet.py`."""

    layers: ParticleNetLayers = ParticleNetLayers()
    augment: AugmentConfig = AugmentConfig()
    labels: LabelConfig = LabelConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()

    def __post_init__(self) -> None:
        require_one_view(self.augment)
