"""What every pre-training objective has."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.encoder import EncoderConfig, TokenConfig
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.option import Options, at_least, fraction_below_one, option
from hepjepa_weaver.config.run import RunConfig, WeaverOptions


@dataclass(frozen=True)
class MonitorConfig(Options):
    """What is watched during pre-training, and which vector stands for a jet."""

    embedding: Literal["mean", "class"] = option(
        "mean", "embedding of a jet. mean: of its particle tokens. class: ParT's class token"
    )
    log_every: int = option(50, "steps between two lines in TensorBoard and the progress bar", at_least(1))
    probe_jets: int = option(
        20_000, "validation jets, at most, for the linear probe and the effective rank", at_least(20)
    )
    collapse_below: float = option(
        0.4,
        "fraction of its early value below which a measure of the embeddings' spread shows a collapse",
        fraction_below_one(),
    )
    on_collapse: Literal["warn", "stop"] = option("warn", "what a collapse does: a warning, or the end of the run")


@dataclass(frozen=True)
class PretrainingConfig(NetworkOptions):
    """What every objective understands; an objective derives its own config and adds its parts."""

    encoder: EncoderConfig = EncoderConfig()
    tokens: TokenConfig = TokenConfig()
    monitor: MonitorConfig = MonitorConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()
