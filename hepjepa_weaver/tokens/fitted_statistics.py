"""Statistics of particles from a file of `hepjepa fit-particles`, or of a checkpoint that holds them."""

from pathlib import Path

from torch import nn

from hepjepa_weaver.batch.columns import FeatureColumns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.model.made_with import Inputs, describe, read_made_with
from hepjepa_weaver.model.weights import Weights, load_part, read_weights
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics

STATISTICS = "particle_statistics"
"""Name of the part that holds statistics, in networks and checkpoints."""


class HeldStatistics(nn.Module):
    """Statistics as the part of a network, so that a file of them has the names of a checkpoint."""

    def __init__(self, statistics: ParticleStatistics) -> None:
        super().__init__()
        self.particle_statistics = statistics


def holds_statistics(path: Path | str, inputs: Inputs) -> bool:
    """Tell whether a checkpoint holds statistics of particles with these inputs (`model.made_with.inputs_of`).

    Raises:
        UserError: the checkpoint cannot be read.
    """
    made = read_made_with(path, STATISTICS)
    return made is not None and has_statistics(read_weights(path, "the checkpoint")) and not made.other_inputs(inputs)


def has_statistics(weights: Weights) -> bool:
    """Tell whether statistics of particles are among weights."""
    return any(name.startswith(f"{STATISTICS}.") for name in weights)


def load_statistics(
    path: Path | str, columns: FeatureColumns, inputs: Inputs, option: str = "-o particle_statistics"
) -> ParticleStatistics:
    """Load statistics of particles.

    Args:
        path: file of `hepjepa fit-particles`, or checkpoint of a network that holds statistics.
        columns: columns of the data config.
        inputs: names and standardisation of the data config's inputs (`model.made_with.inputs_of`).
        option: option that named the file, for messages.

    Raises:
        UserError: the file cannot be read, holds no statistics, or was made for other features.
    """
    weights = read_weights(path, option)
    made = read_made_with(path, STATISTICS)
    if made is None or not has_statistics(weights):
        raise UserError(f"{option} {path} holds no statistics of particles: give a file of `hepjepa fit-particles`")
    other = made.other_inputs(inputs)
    if other:
        raise UserError(f"{option} {path} was fitted to other inputs: {other}; fit anew with this data config")
    config = ParticleFitConfig(made.options["clusters"], made.options["cluster_scale"])
    statistics = ParticleStatistics(columns, config)
    load_part(statistics, path, option, f"{STATISTICS}.")
    if not statistics.num_fitted:
        raise UserError(f"{option} {path} was fitted to no particles: make it with `hepjepa fit-particles`")
    describe(statistics, made)
    return statistics.requires_grad_(False)
