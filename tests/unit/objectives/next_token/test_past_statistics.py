import pytest
import torch
from torch import nn

from hepjepa_weaver.objectives.next_token.past_statistics import (
    PastStatistics,
    filled_with_mean,
    use_past_statistics,
)
from tests.helpers.data_configs import COLUMNS
from tests.helpers.tokens import small_model
from tests.helpers.typed_jets import typed_jets

FULL = COLUMNS["full"]


def batch(seed: int, width: int = 3) -> torch.Tensor:
    return torch.randn(4, width, 7, generator=torch.Generator().manual_seed(seed)) * (1 + seed) + seed


def network(momentum: float | None = 0.1) -> nn.Sequential:
    net = nn.Sequential(nn.BatchNorm1d(3, momentum=momentum), nn.Conv1d(3, 2, 1), nn.BatchNorm1d(2)).train()
    use_past_statistics(net)
    return net


def test_the_first_batch_sets_them_and_later_ones_move_them_by_the_momentum_or_more():
    net, past = network(), PastStatistics()
    mean, variance = torch.zeros(3, dtype=torch.double), torch.zeros(3, dtype=torch.double)
    for step in range(15):
        x = batch(step)
        with past.watching(net):
            net(x)
        past.move()
        rows = x.double().transpose(1, 2).flatten(0, 1)
        weight = max(1 / (step + 1), 0.1)
        mean += weight * (rows.mean(dim=0) - mean)
        variance += weight * (rows.var(dim=0, correction=0) - variance)
        assert torch.allclose(net[0].running_mean.double(), mean, rtol=1e-4, atol=1e-5)
        assert torch.allclose(net[0].running_var.double(), variance, rtol=1e-4)
    assert net[0].num_batches_tracked == 15


def test_they_normalise_and_do_not_move_before_the_step_is_done():
    net, past = network(), PastStatistics()
    with past.watching(net):
        first = net(batch(0))
        assert torch.equal(net(batch(0)), first)
    assert torch.equal(net[0].running_mean, torch.zeros(3))
    assert torch.allclose(net[0](batch(0)), batch(0) / (1 + net[0].eps) ** 0.5, atol=1e-6)
    past.move()
    assert not torch.equal(net[0].running_mean, torch.zeros(3))
    moved = net[0].running_mean.clone()
    past.move()
    assert torch.equal(net[0].running_mean, moved), "nothing was seen since"


def test_eval_mode_and_what_is_left_out_are_not_watched():
    net, past = network(), PastStatistics()
    with past.watching(net, but=net[0]):
        net(batch(0))
    past.move()
    assert net[0].num_batches_tracked == 0
    assert net[2].num_batches_tracked == 1
    net.eval()
    with past.watching(net):
        net(batch(0))
    past.move()
    assert net[2].num_batches_tracked == 1


def test_hooks_are_gone_after_an_error():
    net, past = network(), PastStatistics()
    with pytest.raises(RuntimeError), past.watching(net):
        raise RuntimeError
    assert not net[0]._forward_hooks


def test_left_out_columns_have_the_running_mean():
    norm = nn.BatchNorm1d(3)
    norm.running_mean = torch.tensor([1.0, 2.0, 3.0])
    x = batch(1)
    found = filled_with_mean(x, [0, 2], norm)
    assert (found[:, 0] == 1).all()
    assert (found[:, 2] == 3).all()
    assert torch.equal(found[:, 1], x[:, 1])
    assert filled_with_mean(x, [], norm) is x


@pytest.mark.parametrize("masked_weight", [0.0, 1.0])
def test_left_out_columns_keep_the_statistics_of_the_real_features(masked_weight):
    """So that fine-tuning and embeddings, which do see them, have them standardised."""
    model = small_model(masked_weight=masked_weight).train()
    jets = typed_jets([30, 30, 30])
    shifted = jets.features + 3.0
    for step in range(40):
        model.pretext_task(type(jets)(jets.points, shifted, jets.vectors, jets.is_real, jets.num_real))
        model.after_optimizer_step(step + 1, None)
    norm = model.context_encoder.mod.embed.input_bn
    places = FULL.where("part_logptrel", "part_logerel")
    assert model.left_out == places
    rows = shifted.transpose(1, 2).flatten(0, 1)
    if not masked_weight:
        assert torch.allclose(norm.running_mean, rows.mean(dim=0), atol=1e-4)
        assert torch.allclose(norm.running_var, rows.var(dim=0, correction=0), rtol=1e-3)
    assert (norm.running_mean[places] > 2).all()
    assert not norm.training


def test_batch_norm_stays_in_eval_mode_and_is_moved_once_a_step():
    model = small_model(masked_weight=0.0).train()
    norms = [module for module in model.context_encoder.modules() if isinstance(module, nn.BatchNorm1d)]
    assert len(norms) > 1
    before = [norm.running_mean.clone() for norm in norms]
    model.pretext_task(typed_jets([30, 3]))
    assert all(torch.equal(norm.running_mean, old) for norm, old in zip(norms, before, strict=True))
    model.after_optimizer_step(1, None)
    assert all(norm.num_batches_tracked == 1 and not norm.training for norm in norms)
    assert not any(torch.equal(norm.running_mean, old) for norm, old in zip(norms, before, strict=True))
    model.eval()
    model.pretext_task(typed_jets([30, 3]))
    model.after_optimizer_step(2, None)
    assert all(norm.num_batches_tracked == 1 for norm in norms), "a validation moves nothing"
