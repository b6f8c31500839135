"""Tokenizers and next-token models in two processes."""

import pytest
import torch

from tests.helpers.token_runs import MODELS, PARTICLES, TOKENIZERS, joined_batches, network_of, states_of_two, train

pytestmark = pytest.mark.slow

OF_ONE_PROCESS = ("collapse.", "known_totals.", "nothing")
"""State of each process, not of the network: what it watches, and the totals of its own jets."""
WITHOUT_CHANCE = {"kmeans_start": False, "dead_below": 0.0}
"""k means and dead codes take particles of the first process at random: not those that one process would take."""


@pytest.mark.parametrize("name", ["causal", "gradient", "residual", "binned", "ids", "hybrid", "joint", PARTICLES])
def test_both_processes_end_with_the_same_weights_and_codebook(tmp_path, name):
    first, second = states_of_two(tmp_path, name)
    start = network_of(name)[0].state_dict()
    assert any(not torch.equal(value, start[key]) for key, value in first.items() if key.startswith(
        ("tokenizer.", "context_encoder.", "id_encoder.")))  # fmt: skip
    for key, value in first.items():
        if not key.startswith(OF_ONE_PROCESS):
            assert torch.equal(value, second[key]), key


@pytest.mark.parametrize(
    ("name", "more"),
    [("conditional", WITHOUT_CHANCE), ("residual", WITHOUT_CHANCE), ("gradient", WITHOUT_CHANCE), ("finite", {}),
     ("ids", {})],
)  # fmt: skip
def test_two_processes_train_as_one_on_the_joined_batches(tmp_path, name, more):
    first, _ = states_of_two(tmp_path, name, **more)
    alone, loss = network_of(name, **more)
    train(alone, loss, joined_batches(), tmp_path)
    for key, value in alone.state_dict().items():
        if not key.startswith(OF_ONE_PROCESS):
            assert torch.allclose(first[key], value, rtol=1e-3, atol=1e-5), key


def test_all_names_are_networks():
    assert not set(MODELS) & set(TOKENIZERS)
