"""Statistics of particles, fitted to toy jets."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.host.particle_fit import save_statistics
from hepjepa_weaver.model.made_with import MadeWith, describe, inputs_of
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from tests.helpers.data_configs import COLUMNS, jetclass_config
from tests.helpers.typed_jets import typed_jets


def particles(features: str = "full", seed: int = 5) -> Tensor:
    """Features (L, C) of some 2000 particles."""
    jets = typed_jets([50] * 40, seed, features)
    return jets.features.transpose(1, 2)[jets.is_real]


def small_statistics(features: str = "full", clusters: int = 12, **options: Any) -> ParticleStatistics:
    """Statistics of these particles."""
    config = ParticleFitConfig(clusters, **options)
    statistics = ParticleStatistics(COLUMNS[features], config)
    statistics.fit(particles(features), seed=1)
    made = MadeWith(inputs_of(jetclass_config(features)), [], None, asdict(config), "test")
    describe(statistics, made)
    return statistics.requires_grad_(False)


def saved_statistics(path: Path, features: str = "full", **options: Any) -> Path:
    """A file of them, as `hepjepa fit-particles` writes it."""
    save_statistics(small_statistics(features, **options), path)
    return path
