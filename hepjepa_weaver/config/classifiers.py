"""Fine-tuning, and the baselines that it is compared with."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.encoder import EncoderConfig, TokenConfig
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.option import Options, above, at_least, option, positive_fraction
from hepjepa_weaver.config.run import RunConfig, WeaverOptions

REPOSITORY = "particle_transformer repository"


@dataclass(frozen=True)
class HeadConfig(Options):
    """Classification head."""

    fc_params: tuple[tuple[int, float], ...] = option(
        (), "hidden layers of the head, as (width, dropout)", source=REPOSITORY
    )


@dataclass(frozen=True)
class ExportConfig(Options):
    """What `--export-onnx` writes."""

    export_embedding: bool = option(False, "write a second output beside the scores: the vector that the head is given")


@dataclass(frozen=True)
class TuningConfig(Options):
    """How a pre-trained encoder becomes a classifier (`model.classifier`)."""

    pooling: Literal["class_token", "mean", "class_attention"] = option(
        "class_token",
        "vector of a jet that the head is given. class_token: ParT's, as it was pre-trained. mean: of the particle "
        "tokens. class_attention: class token of class blocks that belong to the head and start anew",
    )
    head_epochs: int = option(0, "first epochs, in which the head alone is trained", at_least(0), "MPMv2 2409.12589")
    encoder_lr: float = option(
        1.0, "learning rate of the encoder as a fraction of the head's; -o freeze True trains no encoder", above(0)
    )
    layer_decay: float = option(
        1.0,
        "factor of the learning rate from each encoder block to the block below it",
        positive_fraction(),
        "BEiT 2106.08254",
    )
    freeze: bool = option(False, "train the head alone")
    from_scratch: bool = option(
        False, "allow random weights, which are otherwise taken for a forgotten --load-model-weights"
    )


@dataclass(frozen=True)
class FinetuneConfig(NetworkOptions):
    """Everything `network_configs/hepjepa_finetune.py` understands."""

    encoder: EncoderConfig = EncoderConfig()
    tokens: TokenConfig = TokenConfig()
    head: HeadConfig = HeadConfig()
    tuning: TuningConfig = TuningConfig()
    export: ExportConfig = ExportConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()


@dataclass(frozen=True)
class ParticleTransformerConfig(NetworkOptions):
    """Everything `network_configs/part.py` understands."""

    encoder: EncoderConfig = EncoderConfig()
    head: HeadConfig = HeadConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()


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
    use_fusion: bool = option(False, "join the outputs of all EdgeConv blocks", source=REPOSITORY)
    use_fts_bn: bool = option(True, "normalise the features by a BatchNorm", source=REPOSITORY)
    use_counts: bool = option(True, "divide the pooled sum by the number of particles", source=REPOSITORY)


@dataclass(frozen=True)
class ParticleNetConfig(NetworkOptions):
    """Everything `network_configs/particlenet.py` understands."""

    layers: ParticleNetLayers = ParticleNetLayers()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()
