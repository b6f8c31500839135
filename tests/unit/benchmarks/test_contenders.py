from dataclasses import replace

import pytest
import torch
from speed.comparison import compare, memory_ratio, speed_ratio
from speed.contenders import NAMES, build
from speed.setup import ENCODERS
from weaver.utils.nn.tools import train_classification

from hepjepa_weaver.host import classification
from hepjepa_weaver.training.loop import batches, train_epoch


def shapes(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def test_the_stock_contender_is_weavers_network(case, setup):
    contenders = build(["stock", "part"], case, setup)
    stock, part = contenders["stock"].network, contenders["part"].network
    assert shapes(stock) == shapes(part)
    assert not type(stock).__mro__[1].__module__.startswith("hepjepa_weaver")
    dropouts = [[m.p for m in net.modules() if isinstance(m, torch.nn.Dropout)] for net in (stock, part)]
    assert dropouts[0] == dropouts[1]
    assert 0.1 in dropouts[0]
    assert stock.mod.trimmer.enabled


def test_the_full_encoder_is_part_by_default(case, setup):
    full = build(["stock"], replace(case, size=ENCODERS["part-full"]), setup)["stock"].network
    assert round(sum(parameter.numel() for parameter in full.parameters()) / 1e6, 2) == 2.14  # as in the ParT paper


def test_each_runs_through_its_own_loop_with_the_same_optimiser(case, setup):
    contenders = build(["stock", "part", "pretrain", "finetune"], case, setup)
    assert contenders["stock"].train is train_classification
    assert contenders["part"].train.args == (classification.train, classification.ready)
    assert contenders["pretrain"].train.args[0].func is train_epoch
    for contender in contenders.values():
        assert type(contender.opt) is torch.optim.AdamW
        assert contender.opt._clip_grad_norm == 1
        assert {group["weight_decay"] for group in contender.opt.param_groups if group["params"]} == {0, 0.05}


def test_encoders_as_in_weaver_have_the_same_losses(case, setup):
    size = replace(case.size, options={**case.size.options, "dropout": 0.0})
    plain, ours = (build(["plain"], replace(case, size=size), setup)["plain"] for _ in range(2))
    for encoder in (ours.network.context_encoder, ours.network.target_encoder):
        del encoder.forward  # the class's own
    losses = []
    for contender in (plain, ours):
        torch.manual_seed(0)
        inputs, _ = next(batches(contender.loader, contender.network, setup.device, 1))
        losses.append(contender.loss(contender.network.train()(*inputs)))
    torch.testing.assert_close(losses[0].total, losses[1].total)


@pytest.mark.slow
def test_every_contender_is_measured(case, setup, capsys):
    results = compare(list(NAMES), case, setup)
    assert [result.name for result in results] == list(NAMES.values())
    reference = results[0]
    for result in results:
        assert len(result.rates) == setup.repeats
        assert min(result.rates) > 0
    assert speed_ratio(reference, reference) == 1
    assert speed_ratio(reference, None) is None
    assert memory_ratio(reference, None) is None
    assert capsys.readouterr() == ("", "")


def test_training_trains_and_inference_does_not(case, setup):
    contenders = build(["stock", "pretrain", "inference"], case, setup)
    for key, contender in contenders.items():
        before = [parameter.clone() for parameter in contender.network.parameters()]
        contender.run(3)
        same = [torch.equal(a, b) for a, b in zip(before, contender.network.parameters(), strict=True)]
        assert all(same) == (key == "inference")
    assert int(contenders["pretrain"].network.step) == 3
    assert contenders["stock"].held_bytes() > 3 * sum(4 * p.numel() for p in contenders["stock"].network.parameters())
    contenders["stock"].release()
    assert all(parameter.grad is None for parameter in contenders["stock"].network.parameters())
