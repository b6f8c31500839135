"""Statistics of particles, fitted to files of jets as weaver gives them to a network."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.common.environment import installed_version
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.host.input_files import some_matching_files
from hepjepa_weaver.host.jet_chunks import jets_of_file, of_inputs_alone
from hepjepa_weaver.model.made_with import MadeWith, describe, inputs_of
from hepjepa_weaver.tokens.fitted_statistics import HeldStatistics
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from hepjepa_weaver.weaver_api.log import logger

BATCH = 1000
MOST_JETS = 50_000
"""Largest number of jets of a fit, unless it is told another one."""
MOST_FILES = 20
"""Number of training files, evenly among all, that a training fits to by itself."""
MOST_PARTICLES = 1_000_000
"""Largest number of particles of a fit; more change neither quantiles nor clusters by much."""


def fit_particles(
    files: Sequence[Path], data_config: Any, config: ParticleFitConfig, max_jets: int, seed: int
) -> ParticleStatistics:
    """Fit quantiles and clusters to the particles of jets.

    Args:
        files: files of training jets.
        data_config: weaver's data config of the training, with inputs alone (`jet_chunks`).
        config: what is fitted.
        max_jets: the most jets, as many of each file.
        seed: seed of the draw of particles and of the k-means.

    Raises:
        UserError: a file cannot be read or holds no jets, or there are too few particles. Also if the data config is
            none of these networks.
    """
    of_each = max(max_jets // len(files), 1)
    return fitted([part for path in files for part in features_of(path, data_config, of_each)], data_config, config,
                  seed)  # fmt: skip


def fit_to_training_files(patterns: Sequence[str], data_config: Any) -> ParticleStatistics:
    """Fit the default quantiles and clusters to a training's own jets; files that cannot be used are left out.

    Args:
        patterns: `--data-train` of the command.
        data_config: weaver's data config of the training.

    Raises:
        UserError: no file can be used, or there are too few particles.
    """
    files, inputs = some_matching_files(patterns, MOST_FILES), of_inputs_alone(data_config.options)
    parts: list[Tensor] = []
    for path in files:
        try:
            parts += features_of(Path(path), inputs, max(MOST_JETS // len(files), 1))
        except UserError as error:
            logger.warning("left out of quantiles and clusters: %s", error)
    if not parts:
        raise UserError("-o particle_statistics is not given, and none of the training files that were tried can be "
                        "read: see the warnings above, or give a file of `hepjepa fit-particles`")  # fmt: skip
    config = ParticleFitConfig()
    logger.info("Fit quantiles, and %d clusters, to particles of %d training files", config.clusters, len(files))
    return fitted(parts, inputs, config, seed=0)


def fitted(parts: Sequence[Tensor], data_config: Any, config: ParticleFitConfig, seed: int) -> ParticleStatistics:
    """Return quantiles and clusters of particles with features (L, C), in parts."""
    features = torch.cat(list(parts))
    if len(features) > MOST_PARTICLES:
        generator = torch.Generator().manual_seed(seed)
        features = features[torch.randperm(len(features), generator=generator)[:MOST_PARTICLES]]
    statistics = ParticleStatistics(feature_columns(data_config), config)
    statistics.fit(features, seed)
    version = installed_version("hepjepa-weaver") or "unknown"
    describe(statistics, MadeWith(inputs_of(data_config), [], None, asdict(config), version))
    return statistics.requires_grad_(False)


def save_statistics(statistics: ParticleStatistics, path: Path) -> None:
    """Write statistics to a file that `-o particle_statistics` takes, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        torch.save(HeldStatistics(statistics).state_dict(), part)


def features_of(path: Path, data_config: Any, num_jets: int) -> list[Tensor]:
    """Return the features (L, C) of the particles of the first jets of a file, batch by batch.

    Raises:
        UserError: the file cannot be read, or none of these jets passes the selection.
    """
    reader = JetReader(data_config.input_names, columns=feature_columns(data_config))
    found = []
    for chunk in jets_of_file(path, data_config, num_jets):
        for start in range(0, len(chunk.entry), BATCH):
            jets = reader(*(values[start : start + BATCH] for values in chunk.inputs))
            is_real = jets.is_real & jets.has_particles().unsqueeze(1)
            found.append(jets.features.transpose(1, 2)[is_real])
    if not found:
        raise UserError(f"{path} holds no jets that pass the selection: leave it out")
    return found
