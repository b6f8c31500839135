"""Encoders by name, cases to time, and the settings of a whole table."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.presets import SIZES

JetKind = Literal["full", "jetclass"]
Precision = Literal["fp32", "bf16"]

TRIMMER_WARMUP = 6
"""Smallest number of untimed steps: weaver's SequenceTrimmer trims nothing in its first five."""


@dataclass(frozen=True)
class EncoderSize:
    """`-o` options of an encoder size.

    Attributes:
        options: options of every network.
        pretraining: options of pre-training alone.
    """

    options: Mapping[str, Any]
    pretraining: Mapping[str, Any] = field(default_factory=dict)


def encoder_size(name: str) -> EncoderSize:
    """Return a size of `hepjepa_weaver.config.presets`."""
    others = ("predictor_", "tokenizer_")
    pretraining = {option: value for option, value in SIZES[name].items() if option.startswith(others)}
    encoder = {option: value for option, value in SIZES[name].items() if option not in pretraining}
    return EncoderSize(encoder, pretraining)


ENCODERS = {"quickstart": encoder_size("quick"), "part-full": encoder_size("mini"), "small": encoder_size("small")}


@dataclass(frozen=True)
class Case:
    """One case on which all contenders are compared.

    Attributes:
        encoder: name of the encoder, for the table.
        size: options of the encoder.
        jets: `full` (every jet has `particles` particles) or `jetclass` (multiplicities as in JetClass).
        particles: largest number P of particles per jet.
        batch_size: number N of jets in a batch.
    """

    encoder: str
    size: EncoderSize
    jets: JetKind
    particles: int
    batch_size: int


@dataclass(frozen=True)
class Setup:
    """Settings of the run of every contender.

    Attributes:
        repository: folder of `network_configs` and `data_configs`.
        scratch: folder for a placeholder of the training files, which weaver's loops look for.
        device: device of the run.
        precision: fp32 or bf16.
        compile: compile the networks.
        fused: let AdamW update all weights in one operation.
        steps: timed steps per repeat.
        repeats: number of repeats.
        warmup: untimed steps before.
        seed: seed of all random numbers.
    """

    repository: Path
    scratch: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: Precision = "fp32"
    compile: bool = False
    fused: bool = False
    steps: int = 5
    repeats: int = 5
    warmup: int = TRIMMER_WARMUP
    seed: int = 0

    def __post_init__(self) -> None:
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise UserError("--device cuda: PyTorch finds no GPU here; use --device cpu, or install its CUDA build")
        if self.precision == "bf16" and self.device.type != "cuda":
            raise UserError("--precision bf16 needs --device cuda: weaver's --use-amp does nothing on a CPU")
        if self.warmup < TRIMMER_WARMUP:
            raise UserError(
                f"--warmup is {self.warmup}: it has to be at least {TRIMMER_WARMUP}, as weaver's ParT trims no "
                "sequence in its first five steps"
            )

    def synchronize(self) -> None:
        """Wait for the device: CUDA kernels run on after the call that starts them."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which weaver's loops run the forward pass."""
        return torch.autocast("cuda", enabled=self.precision == "bf16", dtype=torch.bfloat16)
