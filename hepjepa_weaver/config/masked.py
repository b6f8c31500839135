"""What objectives have that hide a part of each jet."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.encoder import TokenConfig
from hepjepa_weaver.config.option import (
    Options,
    Valid,
    at_least,
    fraction,
    fraction_below_one,
    option,
    require,
)
from hepjepa_weaver.config.pretraining import PretrainingConfig


@dataclass(frozen=True)
class AugmentConfig(Options):
    """Physical changes of a jet, drawn anew in every training step, for both encoders (`batch.augmentation`)."""

    rotate: bool = option(False, "rotate by a random angle about the jet axis, in (Δη, Δφ)", source="JetCLR 2108.04253")
    reflect: bool = option(False, "change the sign of Δη, of Δφ or of both, each with probability 1/2")
    displacement: Literal["mirrored", "turned"] = option(
        "mirrored",
        "impact parameters of a turned jet. mirrored: sizes stay as measured, which fits their errors; signs follow "
        "reflections. turned: they turn like those of tracks from one vertex, which mixes the coarser dz into d0",
    )
    smear: float = option(
        0.0,
        "move particles by a Gaussian of width smear / pT in Δη and Δφ, 0.1 at most; in GeV",
        at_least(0),
        "JetCLR 2108.04253 has 0.1",
    )
    split: float = option(
        0.0, "fraction of the particles that is split into two of the same direction", fraction(), "JetCLR 2108.04253"
    )
    drop: float = option(0.0, "fraction of the particles that is taken out", fraction_below_one())
    turn_context: bool = option(
        False,
        "rotate, reflect and smear once more what the context encoder and the predictor see: the target is predicted "
        "from another orientation",
        source="the two views of JetCLR 2108.04253",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        moves = self.rotate or self.reflect or self.smear > 0
        require(moves or not self.turn_context, "turn_context", True, "False without rotate, reflect and smear")


@dataclass(frozen=True)
class MaskingConfig(Options):
    """Which particles are hidden from the context encoder (`objectives.masked.masking`)."""

    mask_strategy: Literal["contiguous", "ball", "random"] = option(
        "random",
        "contiguous: pieces of a walk from neighbour to neighbour. ball: particles around random ones. random: any",
        source="contiguous: HEP-JEPA 2502.03933 and Point-JEPA 2404.16432; random: MPMv2 2409.12589",
    )
    target_ratio: tuple[float, float] = option(
        (0.4, 0.4),
        "smallest and largest fraction of a jet's particles that is hidden in one target",
        Valid(lambda limits: 0 < limits[0] <= limits[1] < 1, "a lower and an upper fraction between 0 and 1"),
    )
    num_targets: int = option(1, "targets of a jet", at_least(1), "Point-JEPA 2404.16432 has 4")
    context_ratio: tuple[float, float] = option(
        (1.0, 1.0),
        "smallest and largest fraction of the other particles that the context encoder sees",
        Valid(lambda limits: 0 < limits[0] <= limits[1] <= 1, "a lower and an upper fraction, above 0 and at most 1"),
    )


@dataclass(frozen=True)
class PredictorConfig(Options):
    """The narrow transformer that predicts hidden particles (`objectives.masked.predictor`)."""

    predictor_dim: int = option(64, "width of the predictor", at_least(1))
    predictor_layers: int = option(4, "blocks of the predictor", at_least(1), "Point-JEPA 2404.16432 has 6")
    predictor_heads: int = option(4, "attention heads of the predictor; a divisor of predictor_dim", at_least(1))
    mask_token_knows: Literal["position", "pt_rank", "nothing"] = option(
        "pt_rank",
        "what the predictor is told of the particle to predict: (Δη, Δφ), its pT rank among the hidden, or nothing",
        source="position: Point-JEPA 2404.16432; pt_rank: MPMv2 2409.12589",
    )
    predictor_pair_bias: bool = option(
        False,
        "add ParT's pairwise term to the attention between particles of the context",
        source="HEP-JEPA 2502.03933",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        divides = self.predictor_dim % self.predictor_heads == 0
        require(divides, "predictor_heads", self.predictor_heads, f"a divisor of predictor_dim {self.predictor_dim}")


@dataclass(frozen=True)
class MaskedConfig(PretrainingConfig):
    """What every masked objective understands."""

    augment: AugmentConfig = AugmentConfig()
    masking: MaskingConfig = MaskingConfig()
    predictor: PredictorConfig = PredictorConfig()


def check_tokens_have_features(user: str, config: TokenConfig) -> None:
    """Raise a UserError if tokens are patches, whose features are learned and nothing to regress to."""
    require(config.tokens == "particles", "tokens", config.tokens, f"'particles' for {user}: patches have no features")
