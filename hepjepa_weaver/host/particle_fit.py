"""Statistics of particles, fitted to files of jets as weaver gives them to a network."""

from collections.abc import Mapping, Sequence
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
from hepjepa_weaver.host.jet_chunks import CHUNK, jets_of_file, of_inputs_alone
from hepjepa_weaver.model.made_with import MadeWith, describe, inputs_of
from hepjepa_weaver.tokens.fitted_statistics import HeldStatistics
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from hepjepa_weaver.weaver_api.log import logger

BATCH = 1000
MOST_JETS = 50_000
"""Largest number of jets of a fit, unless it is told another one."""
MOST_FILES = 20
"""Number of training files, evenly among all, that a training fits to by itself."""
TOLD_REASONS = 3
"""Number of files that a message about unusable ones tells of."""
WITHOUT = "to do without clusters, give hepjepa_pretrain -o composition_weight 0"
"""Remedy where files cannot be read here."""
MOST_PARTICLES = 1_000_000
"""Largest number of particles of a fit; more change neither quantiles nor clusters by much."""


def fit_particles(
    files: Sequence[Path], options: Mapping[str, Any], config: ParticleFitConfig, max_jets: int, seed: int
) -> ParticleStatistics:
    """Fit quantiles and clusters to the particles of jets.

    Args:
        files: files of training jets.
        options: options of the training's data config.
        config: what is fitted.
        max_jets: the most jets, as many of each file.
        seed: seed of the draw of particles and of the k-means.

    Raises:
        UserError: a file cannot be read or holds no jets, or there are too few particles. Also if the data config is
            none of these networks.
    """
    data_config, parts = as_in_training(options), []
    for path in files:
        found = features_of(path, data_config, max(max_jets // len(files), 1))
        if not found:
            raise UserError(f"{path} holds no jets that pass the selection: leave it out")
        parts += found
    return fitted(parts, data_config, config, seed)


def fit_to_training_files(patterns: Sequence[str], options: Mapping[str, Any]) -> ParticleStatistics:
    """Fit the default quantiles and clusters to a training's own jets; files that cannot be used are left out.

    Every rank does so. With DDP, those of the first are then taken.

    Args:
        patterns: `--data-train` of the command.
        options: options of the training's data config.

    Raises:
        UserError: no file can be used, or there are too few particles.
    """
    data_config, config = as_in_training(options), ParticleFitConfig()
    files, used = some_matching_files(patterns, MOST_FILES), 0
    parts: list[Tensor] = []
    reasons: list[str] = []
    for path in files:
        try:
            found = features_of(Path(path), data_config, max(MOST_JETS // len(files), 1))
        except UserError as error:
            logger.warning("left out of the fit of clusters: %s", error)
            reasons.append(str(error))
            continue
        parts += found
        used += bool(found)
    if reasons and not used:
        told = "; ".join(reasons[:TOLD_REASONS])
        raise UserError(
            f"clusters of particles are fitted to the training files, and none can be used: {told}; {WITHOUT}"
        )
    number = sum(map(len, parts))
    if number < config.clusters:
        raise UserError(f"-o particle_statistics is not given, and {number} particles of {used} training files cannot "
                        f"be put into {config.clusters} clusters: make a file with fewer by `hepjepa fit-particles "
                        f"--clusters`, or look at files and selection; {WITHOUT}")  # fmt: skip
    fitted_to = min(number, MOST_PARTICLES)
    logger.info(
        "Fit quantiles, and %d clusters, to %d particles of %d training files", config.clusters, fitted_to, used
    )
    return fitted(parts, data_config, config, seed=0)


def as_in_training(options: Mapping[str, Any]) -> Any:
    """Return a data config whose tests select what the training selects, with inputs alone."""
    return of_inputs_alone({**options, "test_time_selection": None})


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
    """Return the features (L, C) of the particles of the first jets that pass the selection, batch by batch.

    Raises:
        UserError: the file cannot be read.
    """
    reader = JetReader(data_config.input_names, columns=feature_columns(data_config))
    found, left = [], num_jets
    for chunk in jets_of_file(path, data_config, at_once=min(num_jets, CHUNK)):
        for start in range(0, min(len(chunk.entry), left), BATCH):
            stop = min(start + BATCH, left)
            jets = reader(*(values[start:stop] for values in chunk.inputs))
            is_real = jets.is_real & jets.has_particles().unsqueeze(1)
            found.append(jets.features.transpose(1, 2)[is_real])
        left -= len(chunk.entry)
        if left <= 0:
            break
    return found
