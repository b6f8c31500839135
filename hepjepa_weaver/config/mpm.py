"""Options of masked particle modelling alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hepjepa_weaver.config.masked import MaskedConfig, check_targets_keep_features, check_tokens_have_features
from hepjepa_weaver.config.option import Options, at_least, fraction_below_one, option, require
from hepjepa_weaver.config.particle_fit import MPM, V2

IDENTITY_WEIGHT = 0.03
"""Default weight of the particle types.

MPMv2 (2409.12589) has 0.3, for features of standard deviation 1. In the data configs here the standard deviation is
smaller, and with 0.3 the particle types would dominate the loss.
"""
PAPER: dict[str, Any] = {
    # MPM 2401.13537: 30 % replaced by a learned vector, VQ ids as the only target, positions in the head only
    "masked_input": "replaced",
    "target_ratio": (0.3, 0.3),
    "mask_token_knows": "jet_rank",
    "token_weight": 1.0,
    "regression_weight": 0.0,
    "identity_weight": 0.0,
}
V2_PRESET: dict[str, Any] = {
    # MPMv2 2409.12589: 40 % dropped, registers, ranks in the null tokens, k-means ids beside particle types
    "masked_input": "dropped",
    "target_ratio": (0.4, 0.4),
    "mask_token_knows": "pt_rank",
    "num_registers": 8,
    "cluster_weight": 1.0,
    "cluster_smoothing": 0.1,
    "regression_weight": 0.0,
    "identity_weight": 0.3,
    # as in its code; ParT has no SwiGLU, no norm of queries and keys, and no drop-path
    "predictor_dim": 256,
    "predictor_layers": 8,
    "predictor_heads": 4,
}


@dataclass(frozen=True)
class MpmInputConfig(Options):
    """How masked particles are masked."""

    masked_input: Literal["dropped", "replaced"] = option(
        "dropped",
        "what the encoder sees of a masked particle. dropped: nothing, not even that it exists. replaced: one learned "
        "vector in its place",
        source=f"dropped: {V2}; replaced: {MPM}",
    )


@dataclass(frozen=True)
class MpmTargetConfig(Options):
    """What is predicted of a masked particle: each target with its weight; 0 leaves it out."""

    regression_weight: float = option(1.0, "weight of the regression of continuous features", at_least(0), V2)
    identity_weight: float = option(
        IDENTITY_WEIGHT, "weight of the particle types", at_least(0), "MPMv2 2409.12589 has 0.3"
    )
    token_weight: float = option(0.0, "weight of the tokenizer's codes. It needs a tokenizer", at_least(0), MPM)
    token_smoothing: float = option(
        0.0, "label smoothing of the codes", fraction_below_one(), "MPMv2 2409.12589 has 0.05"
    )
    cluster_weight: float = option(
        0.0, "weight of the clusters of k-means, those of particle_statistics", at_least(0), f"{MPM}; {V2}"
    )
    cluster_smoothing: float = option(
        0.0, "label smoothing of the clusters", fraction_below_one(), "MPMv2 2409.12589 has 0.1"
    )
    composition_weight: float = option(
        0.0,
        "weight of the fractions of masked particles in each cluster, predicted from the mean token of the visible "
        "ones alone. Clusters are those of particle_statistics, with turn_context in the other orientation",
        at_least(0),
    )
    flow_weight: float = option(
        0.0, "weight of -ln p of a conditional normalising flow, in nats per particle", at_least(0), V2
    )
    flow_layers: int = option(6, "number of couplings of the flow", at_least(1), V2)
    flow_noise: float = option(
        0.05, "standard deviation of the noise on the features that the flow sees", at_least(0), V2
    )
    flow_matching_weight: float = option(
        0.0, "weight of flow matching, each masked particle by itself", at_least(0), V2
    )
    set_flow_weight: float = option(
        0.0, "weight of flow matching of all masked particles of a jet together", at_least(0), V2
    )
    target_scale: Literal["data_config", "normal"] = option(
        "data_config",
        "scale of continuous features that are predicted. data_config: as standardised there. normal: quantiles of a "
        "standard normal distribution, by particle_statistics. The encoder reads the data config's",
        source=f"normal: {V2}",
    )


@dataclass(frozen=True)
class MpmFilesConfig(Options):
    """Files that targets come from; they become part of the checkpoint."""

    tokenizer: str = option(
        "",
        "checkpoint of `network_configs/jet_tokenizer.py`, or one that holds such a tokenizer, for token_weight. "
        "'': as in the checkpoint that the command loads",
    )
    particle_statistics: str = option(
        "",
        "file of `hepjepa fit-particles`, for cluster_weight, composition_weight and target_scale normal. '': as in "
        "the checkpoint that the command loads; without one, quantiles and 512 clusters are fitted to the training "
        "files",
    )


@dataclass(frozen=True)
class MpmConfig(MaskedConfig):
    """All options of `network_configs/mpm_pretrain.py`."""

    masked: MpmInputConfig = MpmInputConfig()
    targets: MpmTargetConfig = MpmTargetConfig()
    files: MpmFilesConfig = MpmFilesConfig()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tokens_have_features("network_configs/mpm_pretrain.py", self.tokens)
        check_targets_keep_features(self.augment, "network_configs/mpm_pretrain.py")
        expected = "'mean', as masked particle modelling trains no class token"
        require(self.monitor.embedding == "mean", "embedding", self.monitor.embedding, expected)
        weights = {name: value for name, value in vars(self.targets).items() if name.endswith("_weight")}
        require(sum(weights.values()) > 0, "regression_weight", 0.0, "above 0 where no other target has a weight")
        files, needs = self.files, self.needs_statistics
        require(self.targets.token_weight > 0 or not files.tokenizer, "tokenizer", files.tokenizer,
                "left out without token_weight")  # fmt: skip
        require(needs or not files.particle_statistics, "particle_statistics", files.particle_statistics,
                "left out without cluster_weight, composition_weight and target_scale normal")  # fmt: skip
        replaced = self.masked.masked_input == "replaced"
        require(not (replaced and self.masking.context_ratio != (1.0, 1.0)), "context_ratio",
                self.masking.context_ratio, "(1, 1) with masked_input replaced")  # fmt: skip
        require(not (replaced and self.augment.turn_context), "turn_context", True,
                "False with masked_input replaced")  # fmt: skip

    @property
    def needs_statistics(self) -> bool:
        """Whether a target needs statistics of particles."""
        return self.needs_clusters or self.targets.target_scale == "normal"

    @property
    def needs_clusters(self) -> bool:
        """Whether a target needs clusters of particles."""
        return self.targets.cluster_weight > 0 or self.targets.composition_weight > 0

    @classmethod
    def own_presets(cls) -> Mapping[str, Mapping[str, Any]]:
        """Return the presets of this network."""
        return {"default": {}, "paper": PAPER, "v2": V2_PRESET}
