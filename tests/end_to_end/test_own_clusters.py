"""A pre-training that needs clusters fits them to its own jets, once."""

import pytest
import torch

from tests.helpers.messages import names
from tests.helpers.weaver_command import ENCODER, PREDICTOR, refused, succeeded, weaver

pytestmark = pytest.mark.slow
STEPS = ("--num-epochs", "1", "--steps-per-epoch", "2", "--steps-per-epoch-val", "2", "--optimizer", "AdamW")
COMPOSITION = (*ENCODER, *PREDICTOR)
PARTICLES = (*COMPOSITION, "-o", "composition_weight", "0", "-o", "particle_weight", "1")
FITTED = "Fit quantiles, and 512 clusters"


@pytest.fixture(scope="module")
def without(work):
    """The prefix of checkpoints without clusters."""
    log = succeeded(weaver(work, "hepjepa_pretrain", "--model-prefix", "without/net", *PARTICLES, *STEPS))
    assert FITTED not in log
    return "without/net"


def test_clusters_are_fitted_once_and_kept(work, without):
    first = ("--model-prefix", "first/net", *COMPOSITION, *STEPS)
    log = succeeded(weaver(work, "hepjepa_pretrain", *first))
    assert FITTED in log
    assert "Loss/composition/eval (epoch)" in log
    resumed = ("--load-epoch", "0", "--num-epochs", "2", *first[:2], *COMPOSITION, *STEPS[2:])
    assert FITTED not in succeeded(weaver(work, "hepjepa_pretrain", *resumed))
    one, two = (torch.load(work / f"first/net_epoch-{epoch}_state.pt", weights_only=True) for epoch in (0, 1))
    assert torch.equal(one["particle_statistics.centres"], two["particle_statistics.centres"])
    assert len(one["particle_statistics.centres"]) == 512

    start = ("--model-prefix", "second/net", *COMPOSITION, *STEPS, "--load-model-weights")
    assert FITTED not in succeeded(weaver(work, "hepjepa_pretrain", *start, "first/net_epoch-0_state.pt"))
    assert FITTED in succeeded(weaver(work, "hepjepa_pretrain", *start, f"{without}_epoch-0_state.pt"))


def test_a_prediction_needs_a_checkpoint_that_holds_them(work, without):
    words = ("--predict", "--model-prefix", without, "--predict-output", "out.parquet")
    line = refused(weaver(work, "hepjepa_pretrain", *words, *COMPOSITION, split="test"))
    assert names(line, "without/net_best_epoch_state.pt", "composition_weight 0", "particle_weight 1")
