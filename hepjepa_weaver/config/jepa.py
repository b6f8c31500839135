"""Options of HEP-JEPA alone."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from hepjepa_weaver.config.masked import (
    AugmentConfig,
    ClustersFileConfig,
    MaskedConfig,
    MaskingConfig,
    PredictorConfig,
    check_tokens_have_features,
)
from hepjepa_weaver.config.mpm import IDENTITY_WEIGHT
from hepjepa_weaver.config.option import Options, above, at_least, fraction, option, require
from hepjepa_weaver.config.presets import NEED_CARE


@dataclass(frozen=True)
class EmaConfig(Options):
    """The target encoder, an exponential moving average of the context encoder (`objectives.jepa.ema`)."""

    ema_start: float = option(
        0.99,
        "EMA momentum of the first step. Use a lower value in short runs",
        fraction(),
        "not published for HEP-JEPA",
    )
    ema_end: float = option(0.998, "EMA momentum of the last step", fraction(), "not published for HEP-JEPA")
    ema_schedule: Literal["linear", "cosine"] = option(
        "linear",
        "course of the EMA momentum from ema_start to ema_end. linear: a straight line. cosine: half a cosine",
        source="linear: I-JEPA 2301.08243; cosine: BYOL 2006.07733",
    )
    embed_with: Literal["target", "context"] = option(
        "target", "encoder whose jet embeddings are monitored, and written by --predict"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.ema_start <= self.ema_end, "ema_start", self.ema_start, f"at most ema_end {self.ema_end}")


@dataclass(frozen=True)
class TargetConfig(Options):
    """Targets of the predictor (`objectives.jepa.network`)."""

    event_latent: Literal["class", "mean"] = option(
        "class", "vector of the context in the event loss. class: ParT's class token. mean: mean of the tokens"
    )
    event_target: Literal["latent", "tokens"] = option(
        "tokens",
        "target of the event loss. latent: the vector that event_latent names, for the whole jet. tokens: mean of "
        "the targets of all its particles, as target_layers sets them",
        source="latent: JP-JEPA 2606.14813",
    )
    target_layers: Literal["last", "blocks", "blocks_and_input"] = option(
        "blocks_and_input",
        "target of a particle. last: token of the last block. blocks: mean of the layer-normed tokens of all blocks. "
        "blocks_and_input: mean of the same tokens and the layer-normed embedded input",
        source="data2vec 2202.03555",
    )
    target_removes: Literal["nothing", "inputs", "inputs_and_jet"] = option(
        "nothing",
        "what is removed from a particle's target before its normalisation, by a running regression. inputs: what its "
        "own features tell. inputs_and_jet: also what the mean target of the jet tells",
    )
    target_norm: Literal["layer", "batch", "none"] = option(
        "batch",
        "normalisation of targets to mean 0 and variance 1. layer: each token over its D directions. batch: each "
        "direction over all target particles of the batch, so that what all tokens have in common need not be "
        "predicted. none: no normalisation",
        source="layer: I-JEPA 2301.08243; batch: data2vec 2202.03555, section 3.3",
    )
    loss_on: Literal["hidden", "all"] = option(
        "hidden",
        "particles in the loss of particle_weight. hidden: the masked ones. all: those of the context as well",
        source="all: MPMv2's JEPA variants, 2409.12589",
    )


@dataclass(frozen=True)
class LossConfig(Options):
    """Weights of the JEPA loss (`objectives.jepa.loss`).

    The regularisers act on the context's event latent or, without an event loss, on the mean of its tokens.
    """

    particle_weight: float = option(
        0.0,
        "weight of the loss on the embeddings of masked particles. With 0, none is predicted",
        at_least(0),
        "HEP-JEPA 2502.03933",
    )
    event_weight: float = option(
        4.0, "weight of the loss on the embedding of the whole jet", at_least(0), "JP-JEPA 2606.14813"
    )
    smooth_l1_beta: float = option(
        1.0,
        "difference above which the smooth-L1 loss is linear",
        above(0),
        "I-JEPA 2301.08243 has 1, Point-JEPA 2404.16432 has 2",
    )
    regression_weight: float = option(
        0.0,
        "weight of the loss on the features of masked particles, as in masked particle modelling",
        at_least(0),
        "MPMv2 2409.12589",
    )
    identity_weight: float = option(
        IDENTITY_WEIGHT,
        "weight of the particle types within the loss on features",
        at_least(0),
        "MPMv2 2409.12589 has 0.3",
    )
    composition_weight: float = option(
        1.0,
        "weight of the fractions of masked particles in each cluster, predicted from the mean token of the context "
        "alone. Clusters are those of particle_statistics",
        at_least(0),
        before=0.0,
    )
    koleo_weight: float = option(
        0.0, "weight of the KoLeo regulariser", at_least(0), "Sablayrolles et al. 1806.03198, eq. 4"
    )
    sigreg_weight: float = option(0.0, "weight of the SIGReg regulariser", at_least(0), "LeJEPA 2511.08544")
    variance_weight: float = option(1.0, "weight of the variance hinge", at_least(0), "VICReg 2105.04906, eq. 1")
    covariance_weight: float = option(0.04, "weight of the covariance penalty", at_least(0), "VICReg 2105.04906, eq. 4")

    @property
    def predicts_particles(self) -> bool:
        """True if a loss is on single masked particles, so that the predictor needs mask tokens."""
        return self.particle_weight > 0 or self.regression_weight > 0


@dataclass(frozen=True)
class JepaConfig(MaskedConfig):
    """All options of `network_configs/hepjepa_pretrain.py`."""

    augment: AugmentConfig = AugmentConfig(rotate=True, reflect=True, turn_context=True)
    masking: MaskingConfig = MaskingConfig(context_ratio=(0.4, 0.8))
    ema: EmaConfig = EmaConfig()
    target: TargetConfig = TargetConfig()
    loss: LossConfig = LossConfig()
    clusters: ClustersFileConfig = ClustersFileConfig()

    @classmethod
    def presets_that_need_care(cls) -> Mapping[str, str]:
        """Return what to know before a pre-training with some values of `-o preset`."""
        return NEED_CARE

    @property
    def trains_class_token(self) -> bool:
        """True if ParT's class blocks are part of the network."""
        return self.loss.event_weight > 0 and self.target.event_latent == "class"

    def __post_init__(self) -> None:
        super().__post_init__()
        trained = self.monitor.embedding == "mean" or self.trains_class_token
        expected = "'mean', as without an event loss on it nothing trains the class token"
        require(trained, "embedding", self.monitor.embedding, expected)
        for part, name in (
            (self.loss, "regression_weight"),
            (self.loss, "composition_weight"),
            *((self.student, item.name) for item in fields(self.student)),
        ):
            if getattr(part, name) > 0:
                check_tokens_have_features(f"{name} above 0 (-o {name} 0 leaves it out)", self.tokens)
        self._check_what_is_predicted()
        require(self.loss.composition_weight > 0 or not self.clusters.particle_statistics, "particle_statistics",
                self.clusters.particle_statistics, "left out with composition_weight 0")  # fmt: skip

    def _check_what_is_predicted(self) -> None:
        loss = self.loss
        require(loss.event_weight > 0 or loss.predicts_particles, "event_weight", loss.event_weight,
                "above 0 without particle_weight and regression_weight: give -o particle_weight 1, or take "
                "mpm_pretrain for a composition alone")  # fmt: skip
        if loss.particle_weight == 0:
            for name, without in (("target_removes", "nothing"), ("loss_on", "hidden")):
                value = getattr(self.target, name)
                require(value == without, name, value, f"{without!r} with particle_weight 0: give -o particle_weight 1")
        knows, unset = self.predictor.mask_token_knows, PredictorConfig().mask_token_knows
        require(loss.predicts_particles or knows == unset, "mask_token_knows", knows,
                f"{unset!r} with particle_weight 0 and regression_weight 0, as there is no mask token then: give -o "
                "particle_weight 1")  # fmt: skip
