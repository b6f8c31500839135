"""What every pre-training objective has."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.encoder import EncoderConfig, TokenConfig
from hepjepa_weaver.config.options import require
from hepjepa_weaver.config.run import RunConfig, WeaverOptions


@dataclass(frozen=True)
class AugmentConfig:
    """Physical changes of a jet, drawn anew in every training step, for both encoders (`batch.augmentation`).

    rotate: by a random angle about the jet axis, in (Δη, Δφ).
    reflect: Δη, Δφ or both change sign, each with probability 1/2.
    displacement: what impact parameters do then. Either their sizes stay as measured, which fits their errors, and
        their signs follow reflections (mirrored); or they turn like those of tracks from one vertex (turned), which
        mixes the coarser dz into d0.
    smear: particles move by a Gaussian of width smear / pT in Δη and Δφ, 0.1 at most; in GeV, 0.1 in JetCLR
        (2108.04253).
    split: share of the particles that is split into two of the same direction.
    drop: share of the particles that is taken out.
    turn_context: rotate, reflect and smear what the context encoder and the predictor see once more, so that the
        target is to be predicted from another orientation [as the two views of JetCLR].
    """

    rotate: bool = False
    reflect: bool = False
    displacement: Literal["mirrored", "turned"] = "mirrored"
    smear: float = 0.0
    split: float = 0.0
    drop: float = 0.0
    turn_context: bool = False

    def __post_init__(self) -> None:
        require(self.smear >= 0, "smear", self.smear, "0 or more")
        require(0 <= self.split <= 1, "split", self.split, "from 0 to 1")
        require(0 <= self.drop < 1, "drop", self.drop, "from 0 up to, not including, 1")
        moves = self.rotate or self.reflect or self.smear > 0
        require(moves or not self.turn_context, "turn_context", True, "False without rotate, reflect and smear")


@dataclass(frozen=True)
class MaskingConfig:
    """Which particles are hidden from the context encoder (`hepjepa_weaver.objectives.masked.masking`).

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
    """The narrow transformer that predicts hidden particles (`hepjepa_weaver.objectives.masked.predictor`).

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
class MonitorConfig:
    """What is watched during pre-training, and which vector stands for a jet.

    embedding: mean of the particle tokens, or class token.
    embed_with: target encoder or context encoder, where there are two.
    log_every: steps between two lines in TensorBoard and the progress bar.
    probe_jets: validation jets, at most, for the linear probe and the effective rank.
    collapse_below: fraction of its early value below which a measure of the embeddings' spread shows a collapse
        (`hepjepa_weaver.objectives.collapse`).
    on_collapse: warn, or stop the run.
    """

    embedding: Literal["mean", "class"] = "mean"
    embed_with: Literal["target", "context"] = "target"
    log_every: int = 50
    probe_jets: int = 20_000
    collapse_below: float = 0.4
    on_collapse: Literal["warn", "stop"] = "warn"

    def __post_init__(self) -> None:
        require(self.log_every > 0, "log_every", self.log_every, "1 or more")
        require(self.probe_jets >= 20, "probe_jets", self.probe_jets, "20 or more")
        require(0 <= self.collapse_below < 1, "collapse_below", self.collapse_below, "from 0 up to, not including, 1")


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


def check_tokens_have_features(user: str, config: TokenConfig) -> None:
    """Raise a UserError if tokens are patches, whose features are learned and nothing to regress to."""
    require(config.tokens == "particles", "tokens", config.tokens, f"'particles' for {user}: patches have no features")
