"""Options of every network: the seed, and what weaver itself passes."""

from dataclasses import dataclass

from hepjepa_weaver.config.option import Options, option


@dataclass(frozen=True)
class WeaverOptions(Options):
    """Options that weaver itself adds; a user cannot set them with `-o`."""

    for_inference: bool = option(False, "set by `--export-onnx`")
    use_amp: bool = option(False, "set by `--use-amp`")
    compile_model: bool = option(False, "set by `--compile`")


@dataclass(frozen=True)
class RunConfig(Options):
    """Random numbers of a run."""

    seed: int = option(
        -1,
        "seed of weights, batches, masks and dropout. -1: a random seed, as in weaver. Give a resumed run another "
        "seed, or it sees the same batches again",
    )
