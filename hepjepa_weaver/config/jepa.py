"""HEP-JEPA's own."""

from dataclasses import dataclass, fields
from typing import Literal

from hepjepa_weaver.config.options import require
from hepjepa_weaver.config.pretraining import (
    AugmentConfig,
    MaskingConfig,
    PretrainingConfig,
    check_tokens_have_features,
)


@dataclass(frozen=True)
class EmaConfig:
    """Momentum of the target encoder, rising over the run (`hepjepa_weaver.objectives.jepa.ema`).

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
    """What the predictor has to predict (`hepjepa_weaver.objectives.jepa.network`).

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
    """Weights of the JEPA loss (`hepjepa_weaver.objectives.jepa.network`).

    particle_weight: of the hidden particles' embeddings.
    event_weight: of the embedding of the whole jet [JP-JEPA].
    smooth_l1_beta: difference above which the loss is linear; 1 in I-JEPA, 2 in Point-JEPA.
    regression_weight: of the hidden particles' features, as in masked particle modelling.
    identity_weight: of particle types within that, as in `MpmLossConfig`.
    koleo_weight, sigreg_weight, variance_weight, covariance_weight: of `objectives.regularisers`, on the context's
        event latent or, without an event loss, its mean token.
    """

    particle_weight: float = 1.0
    event_weight: float = 4.0
    smooth_l1_beta: float = 1.0
    regression_weight: float = 0.0
    identity_weight: float = 0.03
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
        for part, name in (
            (self.loss, "regression_weight"),
            *((self.student, item.name) for item in fields(self.student)),
        ):
            if getattr(part, name) > 0:
                check_tokens_have_features(name, self.tokens)
