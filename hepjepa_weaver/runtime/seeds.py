"""The seed of a run's random numbers."""

import numpy as np
import torch

from hepjepa_weaver.config.run import RunConfig
from hepjepa_weaver.runtime.ranks import rank

PROCESSES_APART = 1_000_000


def start_random_numbers(config: RunConfig) -> None:
    """Seed the random numbers of weights, loaders and networks, so that a run can be repeated.

    Each rank draws its own numbers; the weights are those of rank 0.
    """
    if config.seed >= 0:
        seed = config.seed + PROCESSES_APART * rank()
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the generator that weaver draws from
