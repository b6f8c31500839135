"""What can be set with weaver's `-o key value`: small frozen dataclasses, one per part of the network.

A field is an option; `hepjepa_weaver.options` fills them from the command line.
"""

from dataclasses import dataclass, fields
from typing import Literal

from hepjepa_weaver.options import RunConfig, WeaverOptions, require


@dataclass(frozen=True)
class EncoderConfig:
    """Weaver's ParticleTransformer; names and defaults (ParT-full) as in the particle_transformer
    repository, so that an option means the same in `part.py`, pre-training and fine-tuning.

    pair_bias: ParT's pairwise term in the attention, HEP-JEPA's "physics bias".
    layer_scale: train ParT's scales of heads and residuals; MPMv2's JEPA variants (2409.12589) leave theirs off.
    num_registers: tokens of no particle in the particle blocks; HEP-JEPA has 8. Stock ParT has no place for them.
    """

    embed_dims: tuple[int, ...] = (128, 512, 128)
    pair_embed_dims: tuple[int, ...] = (64, 64, 64)
    num_heads: int = 8
    num_layers: int = 8
    num_cls_layers: int = 2
    dropout: float = 0.1
    pair_bias: bool = True
    layer_scale: bool = True
    num_registers: int = 0

    def __post_init__(self) -> None:
        require(len(self.embed_dims) > 0, "embed_dims", self.embed_dims, "at least one width")
        for name in ("embed_dims", "pair_embed_dims"):
            require(all(width > 0 for width in getattr(self, name)), name, getattr(self, name), "widths above 0")
        require(self.num_heads > 0, "num_heads", self.num_heads, "1 or more")
        require(self.embed_dims[-1] % self.num_heads == 0, "num_heads", self.num_heads, "a divisor of the width")
        require(self.num_layers > 0, "num_layers", self.num_layers, "1 or more")
        require(self.num_cls_layers > 0, "num_cls_layers", self.num_cls_layers, "1 or more (ParT's class token)")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "from 0 up to, not including, 1")
        require(self.num_registers >= 0, "num_registers", self.num_registers, "0 or more")

    @property
    def width(self) -> int:
        """Width D of a particle token."""
        return self.embed_dims[-1]


@dataclass(frozen=True)
class TokenConfig:
    """What the tokens of a jet are (`hepjepa_weaver.tokenizer`).

    tokens: one of each particle, or of each patch of neighbouring particles as in HEP-JEPA (2502.03933).
    num_patches, patch_size: patches of a jet and particles of a patch, at most; unpublished for HEP-JEPA.
    """

    tokens: Literal["particles", "patches"] = "particles"
    num_patches: int = 16
    patch_size: int = 8

    def __post_init__(self) -> None:
        for name in ("num_patches", "patch_size"):
            require(getattr(self, name) > 0, name, getattr(self, name), "1 or more")


@dataclass(frozen=True)
class AugmentConfig:
    """Physical changes of a jet, drawn anew in every training step, for both encoders (`hepjepa_weaver.augment`).

    rotate: by a random angle about the jet axis, in (Δη, Δφ).
    reflect: Δη, Δφ or both change sign, each with probability 1/2.
    smear: particles move by a Gaussian of width smear / pT in Δη and Δφ; in GeV, 0.1 in JetCLR (2108.04253).
    split: share of the particles that is split into two of the same direction.
    drop: share of the particles that is taken out.
    turn_context: rotate, reflect and smear the context once more by itself, so that the target is to be predicted
        from another orientation [as the two views of JetCLR].
    """

    rotate: bool = False
    reflect: bool = False
    smear: float = 0.0
    split: float = 0.0
    drop: float = 0.0
    turn_context: bool = False

    def __post_init__(self) -> None:
        require(self.smear >= 0, "smear", self.smear, "0 or more")
        require(0 <= self.split <= 1, "split", self.split, "from 0 to 1")
        require(0 <= self.drop < 1, "drop", self.drop, "from 0 up to, not including, 1")


@dataclass(frozen=True)
class MaskingConfig:
    """Which particles are hidden from the context encoder (`hepjepa_weaver.masking`).

    mask_strategy: pieces of a walk from neighbour to neighbour (contiguous), particles around random ones (ball),
        or any (random).
    target_ratio: smallest and largest share of a jet's particles that is hidden in one target.
    num_targets: targets of a jet.
    context_ratio: smallest and largest share of the other particles that the context encoder sees.
    """

    mask_strategy: Literal["contiguous", "ball", "random"] = "random"
    target_ratio: tuple[float, float] = (0.4, 0.4)
    num_targets: int = 1
    context_ratio: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        low, high = self.target_ratio
        require(0 < low <= high < 1, "target_ratio", self.target_ratio, "a lower and an upper share between 0 and 1")
        low, high = self.context_ratio
        require(0 < low <= high <= 1, "context_ratio", self.context_ratio, "a lower and an upper share from 0 to 1")
        require(self.num_targets > 0, "num_targets", self.num_targets, "1 or more")


@dataclass(frozen=True)
class PredictorConfig:
    """The narrow transformer that predicts hidden particles (`hepjepa_weaver.predictor`).

    mask_token_knows: what it is told of the particle to predict: (Δη, Δφ), pT rank among the hidden, or nothing.
    predictor_pair_bias: ParT's pairwise term in the attention between particles of the context.
    """

    predictor_dim: int = 64
    predictor_layers: int = 4
    predictor_heads: int = 4
    mask_token_knows: Literal["position", "pt_rank", "nothing"] = "pt_rank"
    predictor_pair_bias: bool = False

    def __post_init__(self) -> None:
        require(self.predictor_dim > 0, "predictor_dim", self.predictor_dim, "1 or more")
        divides = self.predictor_heads > 0 and self.predictor_dim % self.predictor_heads == 0
        require(divides, "predictor_heads", self.predictor_heads, "a divisor of predictor_dim")
        require(self.predictor_layers > 0, "predictor_layers", self.predictor_layers, "1 or more")


@dataclass(frozen=True)
class EmaConfig:
    """Momentum of the target encoder, rising over the run (`hepjepa_weaver.ema`).

    It rises linearly as in I-JEPA (2301.08243), or as half a cosine as in BYOL (2006.07733). HEP-JEPA's own values are
    not published; short runs want a lower start.
    """

    ema_start: float = 0.99
    ema_end: float = 0.998
    ema_schedule: Literal["linear", "cosine"] = "linear"

    def __post_init__(self) -> None:
        require(0 <= self.ema_start <= self.ema_end, "ema_start", self.ema_start, "from 0 up to ema_end")
        require(self.ema_end <= 1, "ema_end", self.ema_end, "at most 1")


@dataclass(frozen=True)
class TargetConfig:
    """What the predictor has to predict (`hepjepa_weaver.objectives.jepa`).

    event_latent: what stands for the context in the event loss: ParT's class token, or the mean of the tokens.
    event_target: what it has to predict: the same of the whole jet [JP-JEPA 2606.14813], or the mean of its particles'
        targets, which `target_layers` says, so that with the input among them it knows what the jet is made of.
    target_layers: the last block's tokens, or the mean over the layer-normed tokens of all blocks, with the embedded
        input as one more or not [data2vec 2202.03555].
    target_norm: to mean 0 and variance 1 goes each token (layer; I-JEPA), each direction over the batch (batch;
        data2vec), or nothing (none).
    loss_on: hidden particles, or those of the context as well [MPMv2's JEPA variants, 2409.12589].
    """

    event_latent: Literal["class", "mean"] = "class"
    event_target: Literal["latent", "tokens"] = "tokens"
    target_layers: Literal["last", "blocks", "blocks_and_input"] = "blocks_and_input"
    target_norm: Literal["layer", "batch", "none"] = "batch"
    loss_on: Literal["hidden", "all"] = "hidden"


@dataclass(frozen=True)
class StudentConfig:
    """What only the target encoder is shown [JP-JEPA 2606.14813; its rates are not published].

    student_drops_identity, student_drops_displacement: share of the jets whose context has charges and particle types,
        or impact parameters, set to 0.
    """

    student_drops_identity: float = 0.0
    student_drops_displacement: float = 0.0

    def __post_init__(self) -> None:
        for name in ("student_drops_identity", "student_drops_displacement"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "from 0 to 1")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the JEPA loss (`hepjepa_weaver.objectives.jepa`).

    particle_weight: of the hidden particles' embeddings.
    event_weight: of the embedding of the whole jet [JP-JEPA].
    smooth_l1_beta: difference above which the loss is linear; 1 in I-JEPA, 2 in Point-JEPA.
    regression_weight: of the hidden particles' features, as in masked particle modelling.
    identity_weight: of particle types within that; 0.3 in MPMv2 (2409.12589).
    koleo_weight, sigreg_weight, variance_weight, covariance_weight: of `hepjepa_weaver.regularizers`, on the context's
        event latent or, without an event loss, its mean token.
    """

    particle_weight: float = 1.0
    event_weight: float = 4.0
    smooth_l1_beta: float = 1.0
    regression_weight: float = 0.0
    identity_weight: float = 0.3
    koleo_weight: float = 0.0
    sigreg_weight: float = 0.0
    variance_weight: float = 1.0
    covariance_weight: float = 0.04

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name.endswith("_weight"):
                require(getattr(self, field.name) >= 0, field.name, getattr(self, field.name), "0 or more")
        require(self.smooth_l1_beta > 0, "smooth_l1_beta", self.smooth_l1_beta, "more than 0")


@dataclass(frozen=True)
class MpmLossConfig:
    """identity_weight: of the classes of particle types beside the features; 0.3 in MPMv2 (2409.12589)."""

    identity_weight: float = 0.3

    def __post_init__(self) -> None:
        require(self.identity_weight >= 0, "identity_weight", self.identity_weight, "0 or more")


@dataclass(frozen=True)
class MonitorConfig:
    """What is watched during pre-training, and which vector stands for a jet.

    embedding: mean of the particle tokens, or class token.
    embed_with: target encoder or context encoder, where there are two.
    log_every: steps between two lines in TensorBoard and the progress bar.
    probe_jets: validation jets, at most, for the linear probe and the effective rank.
    """

    embedding: Literal["mean", "class"] = "mean"
    embed_with: Literal["target", "context"] = "target"
    log_every: int = 50
    probe_jets: int = 20_000

    def __post_init__(self) -> None:
        require(self.log_every > 0, "log_every", self.log_every, "1 or more")
        require(self.probe_jets >= 20, "probe_jets", self.probe_jets, "20 or more")


@dataclass(frozen=True)
class PretrainingConfig:
    """What every objective has: `network_configs/mpm_pretrain.py` and `hepjepa_pretrain.py` understand it."""

    encoder: EncoderConfig = EncoderConfig()
    tokens: TokenConfig = TokenConfig()
    augment: AugmentConfig = AugmentConfig()
    masking: MaskingConfig = MaskingConfig()
    predictor: PredictorConfig = PredictorConfig()
    monitor: MonitorConfig = MonitorConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()


@dataclass(frozen=True)
class JepaConfig(PretrainingConfig):
    """Everything `network_configs/hepjepa_pretrain.py` understands."""

    augment: AugmentConfig = AugmentConfig(rotate=True, reflect=True, turn_context=True)
    masking: MaskingConfig = MaskingConfig(context_ratio=(0.4, 0.8))
    ema: EmaConfig = EmaConfig()
    target: TargetConfig = TargetConfig()
    student: StudentConfig = StudentConfig()
    loss: LossConfig = LossConfig()

    @property
    def trains_class_token(self) -> bool:
        """Whether ParT's class blocks are part of the network."""
        return self.loss.event_weight > 0 and self.target.event_latent == "class"

    def __post_init__(self) -> None:
        trained = self.monitor.embedding == "mean" or self.trains_class_token
        expected = "'mean', as without an event loss on it nothing trains the class token"
        require(trained, "embedding", self.monitor.embedding, expected)
        if self.loss.regression_weight > 0:
            check_tokens_have_features("regression_weight", self.tokens)


def check_tokens_have_features(user: str, config: TokenConfig) -> None:
    """Raise a UserError if tokens are patches, whose features are learned and nothing to regress to."""
    require(config.tokens == "particles", "tokens", config.tokens, f"'particles' for {user}: patches have no features")


@dataclass(frozen=True)
class MpmConfig(PretrainingConfig):
    """Everything `network_configs/mpm_pretrain.py` understands."""

    loss: MpmLossConfig = MpmLossConfig()

    def __post_init__(self) -> None:
        check_tokens_have_features("network_configs/mpm_pretrain.py", self.tokens)
        expected = "'mean', as masked particle modelling trains no class token"
        require(self.monitor.embedding == "mean", "embedding", self.monitor.embedding, expected)


@dataclass(frozen=True)
class HeadConfig:
    """Classification head. fc_params: its hidden layers, as (width, dropout)."""

    fc_params: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class TuningConfig:
    """How a pre-trained encoder becomes a classifier (`hepjepa_weaver.classifier`).

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
