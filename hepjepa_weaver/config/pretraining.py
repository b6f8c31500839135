"""Options of every pre-training objective."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.encoder import EncoderConfig, TokenConfig
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.option import Options, at_least, fraction_below_one, option, require
from hepjepa_weaver.config.run import RunConfig, WeaverOptions
from hepjepa_weaver.config.speed import SpeedConfig


@dataclass(frozen=True)
class WatchConfig(Options):
    """Monitoring during a training without labels."""

    log_every: int = option(50, "number of steps between two entries in TensorBoard and the progress bar", at_least(1))
    collapse_below: float = option(
        0.4,
        "fraction of its best value so far below which an effective rank or standard deviation shows a collapse",
        fraction_below_one(),
    )
    on_collapse: Literal["warn", "stop"] = option(
        "warn", "reaction to a collapse. warn: log a warning. stop: end the run"
    )


@dataclass(frozen=True)
class MonitorConfig(WatchConfig):
    """Monitoring during pre-training, and the vector that represents a jet."""

    embedding: Literal["mean", "class"] = option(
        "mean", "embedding of a jet. mean: mean of its particle tokens. class: ParT's class token"
    )
    probe_jets: int = option(
        20_000, "largest number of validation jets for the linear probe and the effective rank", at_least(20)
    )


@dataclass(frozen=True)
class PretrainingConfig(NetworkOptions):
    """All options that every objective has; an objective derives its own config and adds its parts."""

    encoder: EncoderConfig = EncoderConfig()
    tokens: TokenConfig = TokenConfig()
    monitor: MonitorConfig = MonitorConfig()
    speed: SpeedConfig = SpeedConfig()
    run: RunConfig = RunConfig()
    weaver: WeaverOptions = WeaverOptions()
    is_self_supervised = True

    def __post_init__(self) -> None:
        require(self.encoder.num_layers > 0, "num_layers", 0, "at least 1 for pre-training")
