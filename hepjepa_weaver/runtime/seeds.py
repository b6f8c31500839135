"""Where a run's random numbers start."""

import numpy as np
import torch

from hepjepa_weaver.config.run import RunConfig
from hepjepa_weaver.runtime.ranks import rank

PROCESSES_APART = 1_000_000


def start_random_numbers(config: RunConfig) -> None:
    """Make a run repeatable: its weights, and what its loaders and networks draw from here on. Each process draws its
    own; the weights are those of the first."""
    if config.seed >= 0:
        seed = config.seed + PROCESSES_APART * rank()
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the generator that weaver draws from
