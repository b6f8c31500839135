"""Loss, accuracy and gradients of many codes are those of PyTorch's cross entropy, whatever number goes at a time."""

import pytest
import torch
import torch.nn.functional as F

from hepjepa_weaver.objectives import linear_cross_entropy as module
from hepjepa_weaver.objectives.linear_cross_entropy import linear_cross_entropy

PARTICLES, WIDTH, CODES = 50, 6, 11


@pytest.fixture(params=[CODES, 7 * CODES, 2**19])
def at_once(request, monkeypatch):
    """One particle at a time, seven, and all."""
    monkeypatch.setitem(module.SCORES_AT_ONCE, "cpu", request.param)


def layer() -> torch.nn.Linear:
    torch.manual_seed(0)
    return torch.nn.Linear(WIDTH, CODES)


def particles() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = 3 * torch.randn(PARTICLES, WIDTH, generator=generator)
    return x.requires_grad_(), torch.randint(0, CODES, (PARTICLES,), generator=generator)


def gradients(loss: torch.Tensor, *of: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(2.5 * loss, of))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_and_gradients_are_those_of_pytorch(smoothing):
    to_codes, (x, wanted) = layer(), particles()
    scores = to_codes(x)
    expected = F.cross_entropy(scores, wanted, reduction="none", label_smoothing=smoothing)
    found = linear_cross_entropy(to_codes, x, wanted, smoothing)
    torch.testing.assert_close(found.each, expected.detach())
    torch.testing.assert_close(found.total, expected.sum())
    torch.testing.assert_close(found.log_sum, scores.detach().logsumexp(dim=1))
    assert torch.equal(found.hit, (scores.argmax(dim=1) == wanted).float())
    weights = (x, to_codes.weight, to_codes.bias)
    for mine, theirs in zip(gradients(found.total, *weights), gradients(expected.sum(), *weights), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_scores_are_in_the_precision_of_autocast_and_the_loss_in_fp32():
    to_codes, (x, wanted) = layer(), particles()
    with torch.autocast("cpu", torch.bfloat16):
        scores = to_codes(x).float()
        found = linear_cross_entropy(to_codes, x, wanted)
    torch.testing.assert_close(found.each, F.cross_entropy(scores.detach(), wanted, reduction="none"))
    weights = (x, to_codes.weight, to_codes.bias)
    expected = F.cross_entropy(scores, wanted, reduction="sum")
    for mine, theirs in zip(gradients(found.total, *weights), gradients(expected, *weights), strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, theirs, rtol=0.05, atol=0.02 * float(theirs.abs().max()))


def test_scores_far_from_zero_are_finite():
    to_codes, (x, wanted) = layer(), particles()
    found = linear_cross_entropy(to_codes, 1e4 * x, wanted)
    assert found.each.isfinite().all()
    torch.testing.assert_close(found.each, F.cross_entropy(to_codes(1e4 * x), wanted, reduction="none").detach())
    assert all(gradient.isfinite().all() for gradient in gradients(found.total, x, to_codes.weight))


def test_equally_likely_codes_share_a_hit():
    to_codes, (x, wanted) = layer(), particles()
    torch.nn.init.zeros_(to_codes.weight)
    torch.nn.init.zeros_(to_codes.bias)
    assert torch.allclose(linear_cross_entropy(to_codes, x, wanted).hit, torch.tensor(1 / CODES))


def test_no_particles_have_no_loss_and_zero_gradients():
    to_codes, (x, wanted) = layer(), particles()
    found = linear_cross_entropy(to_codes, x[:0], wanted[:0])
    assert found.total == 0
    assert all((gradient == 0).all() for gradient in gradients(found.total, x, to_codes.weight, to_codes.bias))


def test_a_frozen_layer_passes_the_gradient_on():
    to_codes, (x, wanted) = layer().requires_grad_(False), particles()
    found = gradients(linear_cross_entropy(to_codes, x, wanted).total, x)[0]
    torch.testing.assert_close(found, gradients(F.cross_entropy(to_codes(x), wanted, reduction="sum"), x)[0])


def test_nan_stays_visible():
    to_codes, (x, wanted) = layer(), particles()
    found = linear_cross_entropy(to_codes, x.detach().index_fill(0, torch.tensor([3]), torch.nan), wanted)
    assert found.total.isnan()
    assert found.each.isnan().sum() == 1
    assert not found.hit.isnan().any()
