"""Tokenizers and next-token models resumed from their checkpoints: all of their state is in it."""

import pytest
import torch

from hepjepa_weaver.training.loop import train_epoch
from hepjepa_weaver.training.optimiser import init_opt
from tests.helpers.networks import BatchList, weaver_args
from tests.helpers.token_runs import MODELS, TOKENIZERS, network_of
from tests.helpers.toy_jets import weaver_inputs
from tests.helpers.typed_jets import typed_jets

STEPS = 3


def batches_of(epoch: int) -> BatchList:
    jets = [typed_jets([30, 3, 17, 1, 20, 9], seed=100 * epoch + step) for step in range(STEPS)]
    return BatchList([weaver_inputs(batch) for batch in jets], [torch.zeros(6)] * STEPS)


def train(model, loss, args, epochs, saves=False):
    """Epochs through the real loop, with the random numbers that each would start with."""
    opt, scheduler = init_opt(args, model)
    for epoch in epochs:
        torch.manual_seed(epoch)
        batches = batches_of(epoch)
        train_epoch(model, loss, opt, scheduler, batches, torch.device("cpu"), epoch, STEPS, extra_args={"args": args})
        if saves:
            torch.save(model.state_dict(), f"{args.model_prefix}_epoch-{epoch}_state.pt")
            torch.save(opt.state_dict(), f"{args.model_prefix}_epoch-{epoch}_optimizer.pt")
    return model.state_dict()


@pytest.mark.parametrize("name", [*TOKENIZERS, *MODELS])
def test_resumed_equals_uninterrupted_to_the_bit(tmp_path, name):
    (tmp_path / "jets.root").write_bytes(b"root")
    words = ("--data-train", str(tmp_path / "jets.root"), "--optimizer", "AdamW", "--start-lr", "0.003", "--num-epochs",
             "3", "--steps-per-epoch", str(STEPS), "--model-prefix", str(tmp_path / "net"))  # fmt: skip
    model, loss = network_of(name)
    whole = train(model, loss, weaver_args(*words), range(3), saves=True)
    again, loss = network_of(name, seed=7)
    resumed = train(again, loss, weaver_args(*words, "--load-epoch", "0"), range(1, 3))
    assert resumed["step"] == 3 * STEPS
    for key, value in whole.items():
        assert torch.equal(resumed[key], value), key
