import pytest
import torch

from hepjepa_weaver.objectives.metrics import effective_rank, probe_accuracy, token_std


@pytest.mark.parametrize("rank", [1, 3, 16])
def test_effective_rank_of_equal_directions_is_their_number(rank):
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(16, rank)).Q
    directions = torch.cat([basis, -basis], dim=1).T
    assert effective_rank(directions + 5).item() == pytest.approx(rank, rel=1e-4)


def test_a_collapsed_encoder_has_rank_one():
    assert effective_rank(torch.full((50, 8), 3.0)).item() == 1.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rounding_errors_do_not_count_as_rank(dtype):
    torch.manual_seed(0)
    collapsed = (torch.randn(64) + 1e-4 * torch.randn(500, 64)).to(dtype)
    assert effective_rank(collapsed).item() == 1.0


def test_effective_rank_ignores_scale_and_a_small_shift():
    torch.manual_seed(0)
    x = torch.randn(100, 8)
    assert effective_rank(1e3 * x + 7).item() == pytest.approx(effective_rank(x).item(), rel=1e-5)


def test_token_std_sees_real_tokens_only():
    tokens, is_real = torch.zeros(2, 3, 4), torch.tensor([[True, True, False], [True, False, False]])
    tokens[~is_real] = torch.randn(3, 4)
    assert token_std(tokens, is_real) == 0
    tokens[0, 0] = 1.0
    assert token_std(tokens, is_real).item() == pytest.approx(torch.tensor([1.0, 0.0, 0.0]).std().item())


def test_token_std_of_a_single_token_is_zero():
    assert token_std(torch.randn(1, 1, 4), torch.ones(1, 1, dtype=torch.bool)) == 0


def test_probe_reads_separable_classes_and_guesses_noise():
    torch.manual_seed(0)
    label = torch.randint(4, (800,))
    signal = torch.nn.functional.one_hot(label, 8) + 0.1 * torch.randn(800, 8)
    assert probe_accuracy(signal, label) == 1.0
    assert probe_accuracy(torch.randn(800, 8), label) < 0.4


@pytest.mark.parametrize("label", [torch.zeros(50, dtype=torch.long), torch.rand(50)])
def test_probe_needs_classes(label):
    assert probe_accuracy(torch.randn(50, 8), label) is None
