"""Options of objectives that mask a part of each jet."""

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
    """Physical changes of a jet, drawn anew in every training step (`batch.augmentation`).

    Both encoders see the same changes.
    """

    rotate: bool = option(
        False, "rotate each jet by a random angle about its axis, in (Δη, Δφ)", source="JetCLR 2108.04253"
    )
    reflect: bool = option(False, "change the sign of Δη and of Δφ, each with probability 1/2")
    displacement: Literal["mirrored", "turned"] = option(
        "mirrored",
        "impact parameters of a rotated or reflected jet. mirrored: sizes stay as measured, signs follow reflections. "
        "turned: d0 and dz rotate like those of tracks from one vertex, which mixes the coarser dz into d0",
    )
    smear: float = option(
        0.0,
        "smear Δη and Δφ of particles by a Gaussian of standard deviation smear / pT, at most 0.1 (smear in GeV)",
        at_least(0),
        "JetCLR 2108.04253 has 0.1",
    )
    split: float = option(
        0.0,
        "fraction of the particles that are split into two with the same direction",
        fraction(),
        "JetCLR 2108.04253",
    )
    drop: float = option(0.0, "fraction of the particles that are removed", fraction_below_one())
    drop_identity: float = option(
        0.0,
        "fraction of the jets whose charges and particle types are set to 0, so that a network learns to do without",
        fraction(),
    )
    drop_displacement: float = option(
        0.0, "fraction of the jets whose impact parameters and their errors are set to 0", fraction()
    )
    turn_context: bool = option(
        False,
        "rotate, reflect and smear the input of context encoder and predictor once more. The target is then "
        "predicted from another orientation. Not for classifiers, which have one view",
        source="the two views of JetCLR 2108.04253",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        moves = self.rotate or self.reflect or self.smear > 0
        require(moves or not self.turn_context, "turn_context", True, "False without rotate, reflect and smear")


@dataclass(frozen=True)
class StudentConfig(Options):
    """Features that the context encoder does not see, though they are in the target."""

    student_drops_identity: float = option(
        0.0,
        "fraction of the jets whose charges and particle types are set to 0 in the context",
        fraction(),
        "JP-JEPA 2606.14813; its rates are not published",
    )
    student_drops_displacement: float = option(
        0.0,
        "fraction of the jets whose impact parameters are set to 0 in the context",
        fraction(),
        "JP-JEPA 2606.14813; its rates are not published",
    )


@dataclass(frozen=True)
class MaskingConfig(Options):
    """Particles that are masked for the context encoder (`objectives.masked.masking`)."""

    mask_strategy: Literal["contiguous", "ball", "random"] = option(
        "random",
        "which particles are masked. contiguous: pieces of a walk from neighbour to neighbour. ball: particles "
        "around a random one. random: any particles",
        source="contiguous: HEP-JEPA 2502.03933 and Point-JEPA 2404.16432; random: MPMv2 2409.12589",
    )
    target_ratio: tuple[float, float] = option(
        (0.4, 0.4),
        "smallest and largest fraction of a jet's particles that one masked set holds",
        Valid(lambda limits: 0 < limits[0] <= limits[1] < 1, "a lower and an upper fraction between 0 and 1"),
    )
    num_targets: int = option(1, "number of masked sets per jet", at_least(1), "Point-JEPA 2404.16432 has 4")
    context_ratio: tuple[float, float] = option(
        (1.0, 1.0),
        "smallest and largest fraction of the other particles that the context encoder sees",
        Valid(lambda limits: 0 < limits[0] <= limits[1] <= 1, "a lower and an upper fraction, above 0 and at most 1"),
    )


@dataclass(frozen=True)
class PredictorConfig(Options):
    """The narrow transformer that predicts the jet, masked particles, or both (`objectives.masked.predictor`)."""

    predictor_dim: int = option(64, "width of the predictor", at_least(1))
    predictor_layers: int = option(4, "number of blocks of the predictor", at_least(1), "Point-JEPA 2404.16432 has 6")
    predictor_heads: int = option(
        4, "number of attention heads of the predictor; a divisor of predictor_dim", at_least(1)
    )
    mask_token_knows: Literal["position", "pt_rank", "jet_rank", "nothing"] = option(
        "pt_rank",
        "what the predictor knows of a masked particle. position: its (Δη, Δφ). pt_rank: its pT rank among the masked "
        "particles. jet_rank: its pT rank in the jet, and that of each visible particle. nothing: only that it exists",
        source="position: Point-JEPA 2404.16432; pt_rank: MPMv2 2409.12589; jet_rank: the head of MPM 2401.13537",
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
class ClustersFileConfig(Options):
    """Clusters of particles; they become part of the checkpoint."""

    particle_statistics: str = option(
        "",
        "file of `hepjepa fit-particles`, for a composition of clusters. '': as in the checkpoint that the command "
        "loads; without one, 512 clusters are fitted to the training files",
    )


@dataclass(frozen=True)
class MaskedConfig(PretrainingConfig):
    """All options that every masked objective has."""

    augment: AugmentConfig = AugmentConfig()
    masking: MaskingConfig = MaskingConfig()
    student: StudentConfig = StudentConfig()
    predictor: PredictorConfig = PredictorConfig()


def check_tokens_have_features(user: str, config: TokenConfig) -> None:
    """Raise a UserError if tokens are patches, whose learned features are no target."""
    require(config.tokens == "particles", "tokens", config.tokens, f"'particles' for {user}: patches have no features")


def check_targets_keep_features(config: AugmentConfig, user: str) -> None:
    """Raise a UserError if features that `user` predicts are set to 0 in some jets."""
    for name in ("drop_identity", "drop_displacement"):
        require(getattr(config, name) == 0, name, getattr(config, name),
                f"0 for {user}, which predicts features; student_{name.replace('drop_', 'drops_')} takes them from the "
                "context alone")  # fmt: skip
