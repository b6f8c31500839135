"""Options of the tokenizer, which replaces each particle by one of a finite number of codes."""

import math
from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.option import (
    Options,
    Valid,
    at_least,
    fraction_below_one,
    option,
    positive_fraction,
    require,
)
from hepjepa_weaver.config.pretraining import WatchConfig
from hepjepa_weaver.config.run import RunConfig, WeaverOptions, check_not_exported

OMNIJET = "OmniJet-α 2403.05618"
SUCCESSOR = "successor of OmniJet-α, 2512.04149"
FEWEST_CODES, MOST_CODES = 64, 32_768


@dataclass(frozen=True)
class ParticleCodeConfig(Options):
    """Features that a code stands for."""

    token_features: Literal["kinematics", "full"] = option(
        "kinematics",
        "features of a particle that its code keeps. kinematics: pT, Δη and Δφ. full: also charge, particle type, "
        "impact parameters and their errors, which the data config must have",
        source=f"kinematics: {OMNIJET}; full: {SUCCESSOR}",
    )
    own_identity_code: bool = option(
        False,
        "give charge and particle type a factor of the code of their own, which keeps them exactly. There are then "
        "`codes` times as many codes as identities. Needs token_features full",
    )


@dataclass(frozen=True)
class EncodingConfig(Options):
    """Networks before and behind the codebook (`tokens.networks`)."""

    encoding: Literal["conditional", "causal", "unconditional", "binned"] = option(
        "conditional",
        "what a code depends on. conditional: a transformer before and behind the codebook sees the whole jet. "
        "causal: the one behind sees earlier particles only, so that a jet can be decoded particle by particle. "
        "unconditional: an MLP sees the particle alone. binned: bins of each feature, nothing is learned",
        source=f"causal: {SUCCESSOR}; others: {OMNIJET}",
    )
    tokenizer_dim: int = option(128, "width of these networks", at_least(1), OMNIJET)
    tokenizer_layers: int = option(4, "number of transformer blocks before, and behind, the codebook", at_least(1),
                                   OMNIJET)  # fmt: skip
    tokenizer_heads: int = option(8, "number of attention heads; a divisor of tokenizer_dim", at_least(1), OMNIJET)
    tokenizer_dropout: float = option(
        0.0, "dropout probability in the transformer blocks", fraction_below_one(), "OmniJet-α 2403.05618 has 0.1"
    )
    bin_edges: Literal["quantiles", "uniform"] = option(
        "quantiles",
        "bins of `encoding binned`. quantiles: as many training particles in each. uniform: equal widths of ln pT "
        "from 0.1 to 1000 GeV, and of Δη and Δφ from -0.8 to 0.8",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        divides = self.tokenizer_dim % self.tokenizer_heads == 0
        require(divides, "tokenizer_heads", self.tokenizer_heads, f"a divisor of tokenizer_dim {self.tokenizer_dim}")


@dataclass(frozen=True)
class QuantizerConfig(Options):
    """The codebook and its training (`tokens.quantizers`), from the library vector-quantize-pytorch."""

    quantizer: Literal["vector", "finite_scalar", "residual"] = option(
        "vector",
        "how a latent vector becomes a code. vector: the nearest vector of a codebook. finite_scalar: each component "
        "is rounded. residual: several codebooks, each for what the one before has left over",
        source="vector: VQ-VAE 1711.00937; finite_scalar: FSQ 2309.15505; residual: SoundStream 2107.03312",
    )
    codes: int = option(
        8192,
        "number of codes",
        Valid(lambda number: FEWEST_CODES <= number <= MOST_CODES, f"from {FEWEST_CODES} to {MOST_CODES}"),
        f"{OMNIJET} has 8192",
    )
    levels: tuple[int, ...] = option(
        (),
        "how the codes divide into factors: levels of each component (finite_scalar), codes of each codebook "
        "(residual), or bins of each feature (binned). (): equal powers of two, the first ones larger",
        Valid(lambda levels: all(level > 1 for level in levels), "numbers above 1"),
    )
    latent_dim: int = option(4, "width of the latent vector, for quantizer vector and residual", at_least(1),
                             f"{OMNIJET}; {SUCCESSOR}: 8")  # fmt: skip
    codebook_weight: float = option(10.0, "weight of the codebook's loss", at_least(0), OMNIJET)
    commitment: float = option(
        0.9, "fraction of the codebook's loss that moves latent vectors to their codes", positive_fraction(), OMNIJET
    )
    codebook_update: Literal["ema", "gradient"] = option(
        "ema",
        "training of the codebook. ema: each code is the moving average of its latent vectors. gradient: the optimiser "
        "moves it",
        source="ema: VQ-VAE-2 1906.00446",
    )
    codebook_decay: float = option(0.9, "decay of that moving average, per step", fraction_below_one(),
                                   "VQ-VAE-2 1906.00446 has 0.99")  # fmt: skip
    kmeans_start: bool = option(True, "start the codebook with the k means of the first batch", source=OMNIJET)
    dead_below: float = option(
        0.1,
        "use of a code, as a fraction of the mean over all codes, below which a latent vector of the batch replaces it",
        fraction_below_one(),
        "Jukebox 2005.00341",
    )
    rotation_trick: bool = option(
        True, "pass gradients through the codebook by rotation; otherwise unchanged", source="2410.06424"
    )


@dataclass(frozen=True)
class TokenizerConfig(NetworkOptions):
    """All options of `network_configs/jet_tokenizer.py`."""

    particle: ParticleCodeConfig = ParticleCodeConfig()
    encoding: EncodingConfig = EncodingConfig()
    quantizer: QuantizerConfig = QuantizerConfig()
    monitor: WatchConfig = WatchConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()
    is_self_supervised = True

    def __post_init__(self) -> None:
        check_not_exported(self.weaver)
        is_full = self.particle.token_features == "full"
        require(is_full or not self.particle.own_identity_code, "own_identity_code", True, "False, as token_features "
                "is kinematics")  # fmt: skip
        number, levels = self.quantizer.codes, self.quantizer.levels
        if levels:
            fits = math.prod(levels) == number
            require(fits, "levels", levels, f"numbers with the product codes = {number}")
        elif self.num_factors > 1:
            is_power = number & (number - 1) == 0
            require(is_power, "codes", number, "a power of two, or -o levels must say how it divides")
        if self.num_factors == 1:
            require(len(self.levels) == 1, "levels", levels, "() for quantizer vector, which has a single codebook")
        if self.encoding.encoding == "binned":
            require(not is_full, "token_features", "full", "'kinematics' for encoding binned")
            require(len(self.levels) == 3, "levels", levels, "three numbers of bins: of pT, Δη and Δφ")

    @property
    def num_factors(self) -> int:
        """Number of factors into which the codes divide."""
        if self.encoding.encoding == "binned":
            return 3
        bits = self.quantizer.codes.bit_length() - 1  # no fewer than four levels: rounding to two has no middle
        return {"vector": 1, "finite_scalar": min(5, bits // 2), "residual": 2}[self.quantizer.quantizer]

    @property
    def levels(self) -> tuple[int, ...]:
        """The factors of the number of codes, as given, or equal powers of two, the first ones larger."""
        if self.quantizer.levels:
            return self.quantizer.levels
        if self.num_factors == 1:
            return (self.quantizer.codes,)
        bits, factors = self.quantizer.codes.bit_length() - 1, self.num_factors
        return tuple(2 ** (bits // factors + (place < bits % factors)) for place in range(factors))
