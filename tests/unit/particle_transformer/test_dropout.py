import pytest
import torch

from hepjepa_weaver.particle_transformer.dropout import dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_and_scale(p):
    torch.manual_seed(0)
    x = dropout(torch.ones(1000, 1001), p, training=True)
    kept = x != 0
    assert kept.float().mean().item() == pytest.approx(1 - p, abs=5 * (p * (1 - p) / x.numel()) ** 0.5)
    assert torch.allclose(x[kept], torch.tensor(1 / (1 - p)))


def test_values_are_dropped_independently():
    torch.manual_seed(0)
    dropped = (dropout(torch.ones(2000, 64), 0.3, training=True) == 0).float()
    correlation = torch.corrcoef(dropped.T) - torch.eye(64)
    assert correlation.abs().max() < 6 / 2000**0.5


def test_gradient_goes_through_what_was_kept():
    x = torch.randn(50, 7, requires_grad=True)
    y = dropout(x, 0.4, training=True)
    y.sum().backward()
    assert torch.allclose(x.grad, (y / x).detach())


def test_without_training_or_probability_nothing_happens():
    x = torch.randn(5, 3)
    assert dropout(x, 0.4, training=False) is x
    assert dropout(x, 0.0, training=True) is x


def test_the_seed_decides():
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(dropout(torch.ones(9, 9), 0.5, training=True))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_a_probability_near_one_is_no_overflow():
    assert dropout(torch.ones(100, 100), 1 - 1e-7, training=True).count_nonzero() < 10
