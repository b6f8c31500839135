"""What every network understands: the seed, and what weaver itself passes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WeaverOptions:
    """Options that weaver itself adds for `--export-onnx`, `--use-amp` and `--compile`."""

    for_inference: bool = False
    use_amp: bool = False
    compile_model: bool = False


@dataclass(frozen=True)
class RunConfig:
    """seed: of weights, batches, masks and dropout; -1 leaves them to chance, as weaver does.

    A resumed run wants another one: with the same it would see the same batches again.
    """

    seed: int = -1
