import torch

from hepjepa_weaver.objectives.losses import layer_norm, masked_smooth_l1


def test_against_a_plain_loop():
    torch.manual_seed(0)
    predicted, target = 3 * torch.randn(4, 5, 6), torch.randn(4, 5, 6)
    is_target = torch.rand(4, 5) < 0.5
    losses = []
    for p, t in zip(predicted[is_target].flatten().tolist(), target[is_target].flatten().tolist(), strict=True):
        error = abs(p - t)
        losses.append(0.5 * error**2 / 0.7 if error < 0.7 else error - 0.35)
    assert torch.isclose(masked_smooth_l1(predicted, target, is_target, beta=0.7), torch.tensor(losses).mean())


def test_zero_for_a_perfect_prediction():
    x = torch.randn(2, 3, 4)
    assert masked_smooth_l1(x, x, torch.ones(2, 3, dtype=torch.bool)) == 0


def test_padding_does_not_count():
    predicted, target = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    is_target = torch.tensor([[True, True, False], [True, False, False]])
    before = masked_smooth_l1(predicted, target, is_target)
    predicted[~is_target] = 1e6
    assert masked_smooth_l1(predicted, target, is_target) == before


def test_without_any_target_loss_and_gradient_are_zero():
    predicted = torch.randn(2, 1, 4, requires_grad=True)
    loss = masked_smooth_l1(predicted, torch.randn(2, 1, 4), torch.zeros(2, 1, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert not predicted.grad.any()


def test_layer_norm_forgets_scale_and_shift():
    x = torch.randn(2, 3, 64)
    assert torch.allclose(layer_norm(x), layer_norm(50 * x + 7), atol=1e-3)
    assert torch.allclose(layer_norm(x).var(dim=-1, correction=0), torch.ones(2, 3), atol=1e-3)
