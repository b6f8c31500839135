"""What `hepjepa fit-particles` fits to training particles; a checkpoint carries it."""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.config.option import Options, at_least, option

MPM = "MPM 2401.13537"
V2 = "MPMv2 2409.12589"


@dataclass(frozen=True)
class ParticleFitConfig(Options):
    """Clusters of particles, and the scale in which they are found (`tokens.particle_statistics`)."""

    clusters: int = option(512, "number of clusters", at_least(2), f"{MPM} has 512 codes, {V2} 16 384 clusters")
    cluster_scale: Literal["normal", "data_config"] = option(
        "normal",
        "scale of the features whose distances count. normal: quantiles of a standard normal distribution. "
        "data_config: as standardised there",
        source=f"normal: {V2}",
    )
