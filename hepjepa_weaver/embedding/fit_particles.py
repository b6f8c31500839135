"""Statistics of particles, fitted to files of jets as weaver gives them to a network."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.common.environment import installed_version
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.embedding.weaver_inputs import jets_of_file, load_data_config
from hepjepa_weaver.model.made_with import MadeWith, describe, inputs_of
from hepjepa_weaver.tokens.fitted_statistics import HeldStatistics
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics

BATCH = 1000
MOST_PARTICLES = 1_000_000
"""Largest number of particles of a fit; more change neither quantiles nor clusters by much."""


def fit_particles(
    files: Sequence[Path], data_config: Path, config: ParticleFitConfig, max_jets: int, seed: int
) -> ParticleStatistics:
    """Fit quantiles and clusters to the particles of jets.

    Args:
        files: files of training jets.
        data_config: data config of the training.
        config: what is fitted.
        max_jets: the most jets, as many of each file.
        seed: seed of the draw of particles and of the k-means.

    Raises:
        UserError: a file cannot be read, or there are too few particles. Also if the data config is none of these
            networks.
    """
    weaver_config = load_data_config(data_config)
    columns = feature_columns(weaver_config)
    reader = JetReader(weaver_config.input_names, columns=columns)
    of_each = max(max_jets // len(files), 1)
    features = torch.cat([part for path in files for part in _features(path, weaver_config, reader, of_each)])
    if len(features) > MOST_PARTICLES:
        generator = torch.Generator().manual_seed(seed)
        features = features[torch.randperm(len(features), generator=generator)[:MOST_PARTICLES]]
    statistics = ParticleStatistics(columns, config)
    statistics.fit(features, seed)
    version = installed_version("hepjepa-weaver") or "unknown"
    describe(statistics, MadeWith(inputs_of(weaver_config), [], None, asdict(config), version))
    return statistics


def save_statistics(statistics: ParticleStatistics, path: Path) -> None:
    """Write statistics to a file that `-o particle_statistics` takes, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        torch.save(HeldStatistics(statistics).state_dict(), part)


def _features(path: Path, data_config: object, reader: JetReader, num_jets: int) -> list[Tensor]:
    """Return the features (L, C) of the particles of the first jets of a file, batch by batch."""
    found, left = [], num_jets
    for chunk in jets_of_file(path, data_config):
        for start in range(0, min(len(chunk.entry), left), BATCH):
            stop = min(start + BATCH, left)
            jets = reader(*(values[start:stop] for values in chunk.inputs))
            is_real = jets.is_real & jets.has_particles().unsqueeze(1)
            found.append(jets.features.transpose(1, 2)[is_real])
        left -= len(chunk.entry)
        if left <= 0:
            break
    if not found:
        raise UserError(f"{path} holds no jets that pass the selection: leave it out")
    return found
