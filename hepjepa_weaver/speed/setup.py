"""What is timed, and how: encoders by name, cases, and the settings that hold for a whole table."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from hepjepa_weaver.errors import UserError

JetKind = Literal["full", "jetclass"]
Precision = Literal["fp32", "bf16"]

TRIMMER_WARMUP = 6
"""Least number of untimed steps: weaver's SequenceTrimmer shortens nothing in its first five."""


@dataclass(frozen=True)
class EncoderSize:
    """`-o` options of an encoder size: of every network, and those that pre-training alone understands."""

    options: Mapping[str, Any]
    pretraining: Mapping[str, Any] = field(default_factory=dict)


def encoder_size(
    embed_dims: tuple[int, ...], pair_embed_dims: tuple[int, ...], heads: int, layers: int, cls_layers: int, **more: Any
) -> EncoderSize:
    """A size by its widths and numbers of heads and blocks; `more` is for pre-training alone."""
    options = {"embed_dims": embed_dims, "pair_embed_dims": pair_embed_dims, "num_heads": heads}
    return EncoderSize({**options, "num_layers": layers, "num_cls_layers": cls_layers}, more)


ENCODERS: dict[str, EncoderSize] = {
    "quickstart": encoder_size((64, 128, 64), (16, 16), 4, 3, 1, predictor_dim=32, predictor_layers=2),
    "part-full": encoder_size((128, 512, 128), (64, 64, 64), 8, 8, 2),
    # JP-JEPA Small (2606.14813): widths and blocks as released; its number of heads is not known
    "small": encoder_size((384, 512, 384), (64, 64, 64), 8, 12, 3),
}


@dataclass(frozen=True)
class Case:
    """What all contenders are compared on.

    Attributes:
        encoder: name of the encoder, for the table.
        jets: `full` (every jet has `particles` particles) or `jetclass` (multiplicities as in JetClass).
        particles: number P of particles a jet has at most.
        batch_size: number N of jets in a batch.
    """

    encoder: str
    size: EncoderSize
    jets: JetKind
    particles: int
    batch_size: int


@dataclass(frozen=True)
class Setup:
    """How every contender is run.

    Attributes:
        repository: where `network_configs` and `data_configs` are.
        scratch: a folder for a placeholder of the training files, which weaver's loops want to see.
        steps, repeats, warmup: timed steps a repeat; repeats; untimed steps before.
    """

    repository: Path
    scratch: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: Precision = "fp32"
    compile: bool = False
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
        """The context in which weaver's loops run a network forward."""
        return torch.autocast("cuda", enabled=self.precision == "bf16", dtype=torch.bfloat16)
