import pytest
import torch
from torch import nn

from hepjepa_weaver.config import EmaConfig
from hepjepa_weaver.objectives.jepa.ema import momentum_at, update_ema


def two_networks() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return tuple(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)) for _ in range(2))


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_closed_form_for_a_constant_source(momentum):
    target, source = two_networks()
    start = [p.detach().clone() for p in target.parameters()]
    for _ in range(7):
        update_ema(target, source, momentum)
    for average, first, constant in zip(target.parameters(), start, source.parameters(), strict=True):
        assert torch.allclose(average, momentum**7 * first + (1 - momentum**7) * constant, atol=1e-6)


def test_buffers_are_copied_whatever_the_momentum():
    target, source = two_networks()
    source.train()(torch.randn(8, 3))
    update_ema(target, source, 1.0)
    assert torch.equal(target[1].running_mean, source[1].running_mean)
    assert torch.equal(target[1].running_var, source[1].running_var)
    assert target[1].num_batches_tracked.item() == 1
    assert target[1].num_batches_tracked.dtype == torch.long


def test_the_source_stays_as_it_is():
    target, source = two_networks()
    before = {k: v.clone() for k, v in source.state_dict().items()}
    update_ema(target, source, 0.5)
    assert all(torch.equal(before[k], v) for k, v in source.state_dict().items())


def test_momentum_rises_linearly_and_stops_at_its_end():
    config = EmaConfig(ema_start=0.9, ema_end=1.0)
    assert [round(momentum_at(config, step, 10), 6) for step in (0, 5, 10, 11)] == [0.9, 0.95, 1.0, 1.0]


def test_momentum_may_rise_as_half_a_cosine():
    config = EmaConfig(ema_start=0.9, ema_end=1.0, ema_schedule="cosine")
    assert [round(momentum_at(config, step, 8), 5) for step in (0, 2, 4, 8)] == [0.9, 0.91464, 0.95, 1.0]


def test_momentum_waits_until_the_length_of_the_run_is_known():
    assert momentum_at(EmaConfig(ema_start=0.9), 1000, None) == 0.9
