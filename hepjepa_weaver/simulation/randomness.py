"""Random numbers of the detector: one stream for each use.

Every stream is consumed in the order of the events. The numbers of an event therefore do not depend on how many events
are handled together.
"""

from dataclasses import dataclass, fields

import numpy as np

from hepjepa_weaver.simulation.events import Floats


@dataclass(frozen=True)
class DetectorRandomness:
    """One random number generator for each use."""

    track_found: np.random.Generator
    track_pt: np.random.Generator
    d0: np.random.Generator
    dz: np.random.Generator
    ecal_energy: np.random.Generator
    ecal_position: np.random.Generator
    hcal_energy: np.random.Generator
    hcal_position: np.random.Generator


def detector_randomness(seed: np.random.SeedSequence) -> DetectorRandomness:
    """Return the generators, each with a seed of its own."""
    uses = fields(DetectorRandomness)
    return DetectorRandomness(*(np.random.Generator(np.random.PCG64(s)) for s in seed.spawn(len(uses))))


def log_normal(mean: Floats, sigma: Floats, generator: np.random.Generator) -> Floats:
    """Draw positive numbers with this mean and standard deviation, as Delphes smears; 0 stays 0."""
    relative = np.divide(sigma, mean, out=np.zeros_like(mean), where=mean > 0)
    log_variance = np.log1p(relative**2)
    exponent = np.sqrt(log_variance) * generator.standard_normal(len(mean)) - 0.5 * log_variance
    smeared: Floats = mean * np.exp(exponent)
    return smeared
