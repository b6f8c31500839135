"""Options of next-token pre-training, and of masked particles as tokens beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hepjepa_weaver.config.masked import (
    ClustersFileConfig,
    MaskedConfig,
    check_targets_keep_features,
    check_tokens_have_features,
)
from hepjepa_weaver.config.option import Options, at_least, option, require
from hepjepa_weaver.config.run import check_not_exported
from hepjepa_weaver.config.tokenizer import OMNIJET, SUCCESSOR

PAPER: dict[str, Any] = {
    # OmniJet-α 2403.05618: ids in, causal blocks, no positions; sizes as in its code
    "backbone": "ids",
    "embed_dims": (256,),
    "num_layers": 3,
    "num_heads": 8,
    "dropout": 0.0,
    "token_head_layers": 0,
    "masked_weight": 0.0,
}
HYBRID: dict[str, Any] = {
    # 2512.04149: continuous features in, ids as targets, registers; sizes as in its code
    "backbone": "features",
    "num_registers": 8,
    "token_head_layers": 2,
    "masked_weight": 0.0,
}
JOINT: dict[str, Any] = {**HYBRID, "masked_weight": 1.0}


NEXT_TOKEN_ONLY = {"jet_totals": "left_out", "reads": "measured", "running_totals": False, "class_condition": False}
"""Options of the causal pass, each with the value that asks for nothing."""


@dataclass(frozen=True)
class TokenizerFileConfig(Options):
    """The tokenizer, from a file of its own."""

    tokenizer: str = option(
        "",
        "checkpoint of `network_configs/jet_tokenizer.py`, or one that holds such a tokenizer. It is frozen, and part "
        "of the new checkpoint. '': as in the checkpoint that the command loads",
    )


@dataclass(frozen=True)
class NextTokenConfig(Options):
    """What is predicted, and from what (`objectives.next_token`)."""

    backbone: Literal["features", "ids"] = option(
        "features",
        "input of the network. ids: the codes, through causal blocks with the norm after each residual. features: the "
        "particles, through ParT with a causal mask; its encoder can be fine-tuned like that of HEP-JEPA",
        source=f"ids: {OMNIJET}; features: {SUCCESSOR}",
    )
    next_weight: float = option(1.0, "weight of the loss of the next token", at_least(0))
    masked_weight: float = option(
        0.0,
        "weight of the loss of masked particles' tokens, from a second, bidirectional pass. Needs backbone features",
        at_least(0),
        f"{SUCCESSOR} has 1 in its joint objective",
    )
    composition_weight: float = option(
        0.0,
        "weight of the composition, the fractions of masked particles of each kind, predicted in that pass from the "
        "mean token of the visible ones alone. Needs backbone features",
        at_least(0),
    )
    composition_of: Literal["codes", "clusters"] = option(
        "codes",
        "kinds of particles in the composition. codes: those of the tokenizer. clusters: those of particle_statistics, "
        "found by k-means in the features of single particles",
    )
    jet_totals: Literal["left_out", "given"] = option(
        "left_out",
        "features relative to the whole jet (part_logptrel, part_logerel), which tell of later particles. left_out: "
        "the causal pass does not see them. given: it does, and jet pT, energy and number of particles go in first, "
        "for backbone ids too",
        source=f"given: {SUCCESSOR} gives the number of particles",
    )
    reads: Literal["measured", "decoded"] = option(
        "measured",
        "particles that the causal pass of backbone features sees. decoded: those that come back from the codes, as in "
        "generation, by a tokenizer that decodes particle by particle. measured: those of the file",
        source=f"measured: {SUCCESSOR}",
    )
    running_totals: bool = option(
        False,
        "tell the network pT, axis and number of the particles so far: backbone ids in its input, backbone features in "
        "front of the head. ids needs a tokenizer that decodes particle by particle",
    )
    class_condition: bool = option(False, "give the class of the jet at the start, so that jets can be made by class")
    longest: int = option(
        128, "largest number of particles of a jet. Others behind it are cut, and counted in the log", at_least(1)
    )
    token_head_layers: int = option(
        2, "number of causal blocks between encoder and codes", at_least(0), f"{SUCCESSOR} has 2"
    )
    token_head_heads: int = option(
        8, "number of attention heads of these blocks; a divisor of the width", at_least(1), SUCCESSOR
    )

    @property
    def has_masked_pass(self) -> bool:
        """Whether a second pass sees jets with masked particles."""
        return self.masked_weight > 0 or self.composition_weight > 0

    @property
    def needs_codes(self) -> bool:
        """Whether a target is a code of the tokenizer, or made of codes."""
        return self.next_weight > 0 or self.masked_weight > 0 or self.composition_of == "codes"

    @property
    def needs_clusters(self) -> bool:
        """Whether a target needs clusters of particles."""
        return self.composition_weight > 0 and self.composition_of == "clusters"


@dataclass(frozen=True)
class OmnijetConfig(MaskedConfig):
    """All options of `network_configs/omnijet_pretrain.py`."""

    tokenizer: TokenizerFileConfig = TokenizerFileConfig()
    clusters: ClustersFileConfig = ClustersFileConfig()
    next: NextTokenConfig = NextTokenConfig()

    def __post_init__(self) -> None:
        super().__post_init__()
        is_of_ids = self.next.backbone == "ids"
        if is_of_ids:
            check_not_exported(self.weaver)
            require(self.speed.layout == "padded", "layout", self.speed.layout, "'padded' for backbone ids")
        check_tokens_have_features("network_configs/omnijet_pretrain.py", self.tokens)
        check_targets_keep_features(self.augment, "network_configs/omnijet_pretrain.py")
        for name, value in vars(self.student).items():
            require(self.next.has_masked_pass or value == 0, name, value, "0 without masked_weight and "
                    "composition_weight")  # fmt: skip
        require(self.monitor.embedding == "mean", "embedding", self.monitor.embedding, "'mean': no class token is "
                "trained")  # fmt: skip
        require(not self.augment.turn_context, "turn_context", True, "False: codes of a turned jet are others")
        require(self.next.next_weight > 0 or self.next.has_masked_pass, "next_weight", 0.0, "above 0 without "
                "masked_weight and composition_weight")  # fmt: skip
        for name in ("masked_weight", "composition_weight"):
            weight = getattr(self.next, name)
            require(not (is_of_ids and weight > 0), name, weight, "0 for backbone ids")
        require(self.next.composition_weight > 0 or self.next.composition_of == "codes", "composition_of", "clusters",
                "'codes' with composition_weight 0")  # fmt: skip
        require(self.next.needs_clusters or not self.clusters.particle_statistics, "particle_statistics",
                self.clusters.particle_statistics, "left out without composition_of clusters")  # fmt: skip
        require(not (is_of_ids and self.next.reads == "decoded"), "reads", "decoded", "'measured' for backbone ids, "
                "which see no particles")  # fmt: skip
        require(not self.tokens.pt_ranks, "pt_ranks", True, "False for network_configs/omnijet_pretrain.py: a causal "
                "pass knows the order already")  # fmt: skip
        for name, used in NEXT_TOKEN_ONLY.items():
            value = getattr(self.next, name)
            require(self.next.next_weight > 0 or value == used, name, value, f"{used!r} with next_weight 0: nothing "
                    "else uses it")  # fmt: skip
        divides = self.next.token_head_layers == 0 or self.encoder.width % self.next.token_head_heads == 0
        require(divides, "token_head_heads", self.next.token_head_heads, f"a divisor of the width {self.encoder.width}")

    @classmethod
    def own_presets(cls) -> Mapping[str, Mapping[str, Any]]:
        """Return the presets of this network."""
        return {"default": {}, "paper": PAPER, "hybrid": HYBRID, "joint": JOINT}
