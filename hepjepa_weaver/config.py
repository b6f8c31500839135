"""What can be set with weaver's `-o key value`: small frozen dataclasses, one per part of the network.

A field is an option; `hepjepa_weaver.options` fills them from the command line.
"""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.options import WeaverOptions, require


@dataclass(frozen=True)
class EncoderConfig:
    """Size of weaver's ParticleTransformer; names and defaults (ParT-full) as in the particle_transformer
    repository, so that an option means the same in `part.py`, pre-training and fine-tuning."""

    embed_dims: tuple[int, ...] = (128, 512, 128)
    pair_embed_dims: tuple[int, ...] = (64, 64, 64)
    num_heads: int = 8
    num_layers: int = 8
    num_cls_layers: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        require(len(self.embed_dims) > 0, "embed_dims", self.embed_dims, "at least one width")
        for name in ("embed_dims", "pair_embed_dims"):
            require(all(width > 0 for width in getattr(self, name)), name, getattr(self, name), "widths above 0")
        require(self.num_heads > 0, "num_heads", self.num_heads, "1 or more")
        require(self.embed_dims[-1] % self.num_heads == 0, "num_heads", self.num_heads, "a divisor of the width")
        require(self.num_layers > 0, "num_layers", self.num_layers, "1 or more")
        require(self.num_cls_layers > 0, "num_cls_layers", self.num_cls_layers, "1 or more (ParT's class token)")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "from 0 up to, not including, 1")

    @property
    def width(self) -> int:
        """Width D of a particle token."""
        return self.embed_dims[-1]


@dataclass(frozen=True)
class MaskingConfig:
    """Which particles are hidden from the context encoder (`hepjepa_weaver.masking`).

    mask_strategy: particles near `num_targets` random ones (ball), or any (random).
    mask_ratio: share of a jet's particles that is hidden.
    """

    mask_strategy: Literal["ball", "random"] = "ball"
    mask_ratio: float = 0.4
    num_targets: int = 3

    def __post_init__(self) -> None:
        require(0 < self.mask_ratio < 1, "mask_ratio", self.mask_ratio, "between 0 and 1")
        require(self.num_targets > 0, "num_targets", self.num_targets, "1 or more")


@dataclass(frozen=True)
class PredictorConfig:
    """The narrow transformer that predicts hidden embeddings (`hepjepa_weaver.predictor`).

    mask_token_knows: what it is told of the particle to predict: (Δη, Δφ), pT rank among the hidden, or nothing.
    """

    predictor_dim: int = 64
    predictor_layers: int = 4
    predictor_heads: int = 4
    mask_token_knows: Literal["position", "pt_rank", "nothing"] = "position"

    def __post_init__(self) -> None:
        require(self.predictor_dim > 0, "predictor_dim", self.predictor_dim, "1 or more")
        divides = self.predictor_heads > 0 and self.predictor_dim % self.predictor_heads == 0
        require(divides, "predictor_heads", self.predictor_heads, "a divisor of predictor_dim")
        require(self.predictor_layers > 0, "predictor_layers", self.predictor_layers, "1 or more")


@dataclass(frozen=True)
class EmaConfig:
    """Momentum of the target encoder, rising linearly over the run (`hepjepa_weaver.ema`).

    The default is I-JEPA's (2301.08243); HEP-JEPA's own values are not published. Short runs want a lower start.
    """

    ema_start: float = 0.996
    ema_end: float = 1.0

    def __post_init__(self) -> None:
        require(0 <= self.ema_start <= self.ema_end, "ema_start", self.ema_start, "from 0 up to ema_end")
        require(self.ema_end <= 1, "ema_end", self.ema_end, "at most 1")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the JEPA loss (`hepjepa_weaver.objectives.jepa`).

    event_weight: of the class token's embedding of the whole jet; 0 leaves ParT's class blocks untrained.
    smooth_l1_beta: difference above which the loss is linear; 1 in I-JEPA, 2 in Point-JEPA.
    """

    event_weight: float = 1.0
    smooth_l1_beta: float = 1.0

    def __post_init__(self) -> None:
        require(self.event_weight >= 0, "event_weight", self.event_weight, "0 or more")
        require(self.smooth_l1_beta > 0, "smooth_l1_beta", self.smooth_l1_beta, "more than 0")


@dataclass(frozen=True)
class MonitorConfig:
    """What is watched during pre-training, and which vector stands for a jet.

    embedding: mean of the particle tokens, or class token.
    log_every: steps between two lines in TensorBoard and the progress bar.
    probe_jets: validation jets, at most, for the linear probe and the effective rank.
    """

    embedding: Literal["mean", "class"] = "mean"
    log_every: int = 50
    probe_jets: int = 20_000

    def __post_init__(self) -> None:
        require(self.log_every > 0, "log_every", self.log_every, "1 or more")
        require(self.probe_jets >= 20, "probe_jets", self.probe_jets, "20 or more")


@dataclass(frozen=True)
class JepaConfig:
    """Everything `network_configs/hepjepa_pretrain.py` understands."""

    encoder: EncoderConfig = EncoderConfig()
    masking: MaskingConfig = MaskingConfig()
    predictor: PredictorConfig = PredictorConfig()
    ema: EmaConfig = EmaConfig()
    loss: LossConfig = LossConfig()
    monitor: MonitorConfig = MonitorConfig()
    weaver: WeaverOptions = WeaverOptions()

    def __post_init__(self) -> None:
        trained = self.monitor.embedding == "mean" or self.loss.event_weight > 0
        require(
            trained,
            "embedding",
            self.monitor.embedding,
            "'mean', as event_weight 0 leaves the class token untrained",
        )


@dataclass(frozen=True)
class HeadConfig:
    """Classification head. fc_params: its hidden layers, as (width, dropout)."""

    fc_params: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class TuningConfig:
    """What of a pre-trained network is trained, and from where.

    freeze: train the head alone.
    from_scratch: allow random weights, which are otherwise taken for a forgotten --load-model-weights.
    """

    freeze: bool = False
    from_scratch: bool = False


@dataclass(frozen=True)
class FinetuneConfig:
    """Everything `network_configs/hepjepa_finetune.py` understands."""

    encoder: EncoderConfig = EncoderConfig()
    head: HeadConfig = HeadConfig()
    tuning: TuningConfig = TuningConfig()
    weaver: WeaverOptions = WeaverOptions()


@dataclass(frozen=True)
class PartConfig:
    """Everything `network_configs/part.py` understands."""

    encoder: EncoderConfig = EncoderConfig()
    head: HeadConfig = HeadConfig()
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
    weaver: WeaverOptions = WeaverOptions()
