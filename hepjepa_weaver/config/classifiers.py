"""Fine-tuning, and the baselines that it is compared with."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.encoder import EncoderConfig, TokenConfig
from hepjepa_weaver.config.options import require
from hepjepa_weaver.config.run import RunConfig, WeaverOptions


@dataclass(frozen=True)
class HeadConfig:
    """Classification head. fc_params: its hidden layers, as (width, dropout)."""

    fc_params: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class ExportConfig:
    """export_embedding: whether `--export-onnx` writes a second output beside the scores, the vector that the head is
    given."""

    export_embedding: bool = False


@dataclass(frozen=True)
class TuningConfig:
    """How a pre-trained encoder becomes a classifier (`hepjepa_weaver.model.classifier`).

    pooling: which vector of a jet goes into the head: ParT's class token as it was pre-trained, the mean of the
        particle tokens, or the class token of class-attention blocks that belong to the head and start anew.
    head_epochs: number of first epochs in which the head alone is trained [as MPMv2, 2409.12589].
    encoder_lr: learning rate of the encoder, as a share of the head's.
    layer_decay: factor of the learning rate from each block of the encoder to the one before [as BEiT, 2106.08254].
    freeze: train the head alone.
    from_scratch: allow random weights, which are otherwise taken for a forgotten --load-model-weights.
    """

    pooling: Literal["class_token", "mean", "class_attention"] = "class_token"
    head_epochs: int = 0
    encoder_lr: float = 1.0
    layer_decay: float = 1.0
    freeze: bool = False
    from_scratch: bool = False

    def __post_init__(self) -> None:
        require(self.head_epochs >= 0, "head_epochs", self.head_epochs, "0 or more")
        require(self.encoder_lr > 0, "encoder_lr", self.encoder_lr, "more than 0; -o freeze True trains no encoder")
        require(0 < self.layer_decay <= 1, "layer_decay", self.layer_decay, "from 0 up to 1")


@dataclass(frozen=True)
class FinetuneConfig:
    """Everything `network_configs/hepjepa_finetune.py` understands."""

    encoder: EncoderConfig = EncoderConfig()
    tokens: TokenConfig = TokenConfig()
    head: HeadConfig = HeadConfig()
    tuning: TuningConfig = TuningConfig()
    export: ExportConfig = ExportConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()


@dataclass(frozen=True)
class PartConfig:
    """Everything `network_configs/part.py` understands."""

    encoder: EncoderConfig = EncoderConfig()
    head: HeadConfig = HeadConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()


@dataclass(frozen=True)
class ParticleNetLayers:
    """ParticleNet with the defaults of the particle_transformer repository."""

    conv_params: tuple[tuple[int, tuple[int, ...]], ...] = (
        (16, (64, 64, 64)),
        (16, (128, 128, 128)),
        (16, (256, 256, 256)),
    )
    fc_params: tuple[tuple[int, float], ...] = ((256, 0.1),)
    use_fusion: bool = False
    use_fts_bn: bool = True
    use_counts: bool = True


@dataclass(frozen=True)
class ParticleNetConfig:
    """Everything `network_configs/particlenet.py` understands."""

    layers: ParticleNetLayers = ParticleNetLayers()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()
