import logging

import pytest
import torch
from speed.setup import Case, EncoderSize, Setup

from tests.helpers.data_configs import REPOSITORY
from tests.helpers.networks import SMALL_ENCODER, SMALL_PREDICTOR


@pytest.fixture
def setup(tmp_path):
    return Setup(REPOSITORY, tmp_path, steps=1, repeats=2)


@pytest.fixture
def case():
    return Case("tiny", EncoderSize(SMALL_ENCODER, SMALL_PREDICTOR), "full", particles=8, batch_size=4)


@pytest.fixture(autouse=True)
def as_before():
    """What is measured seeds torch, and the script silences weaver's logger."""
    logger = logging.getLogger("weaver")
    level = logger.level
    with torch.random.fork_rng(devices=[]):
        yield
    logger.setLevel(level)
