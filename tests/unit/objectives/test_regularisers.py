"""Regularisers against slow independent references, and in their limits."""

import math

import pytest
import torch

from hepjepa_weaver.objectives import regularisers
from hepjepa_weaver.objectives.regularisers import covariance_penalty, koleo, sigreg, variance_hinge

ALL = [koleo, variance_hinge, covariance_penalty, sigreg]


@pytest.mark.parametrize("regularizer", ALL)
@pytest.mark.parametrize("num_jets", [1, 2, 64])
def test_finite_with_finite_gradients(regularizer, num_jets):
    embedding = torch.randn(num_jets, 8, requires_grad=True)
    regularizer(embedding).backward()
    assert embedding.grad.isfinite().all()


@pytest.mark.parametrize("regularizer", ALL)
def test_a_collapsed_batch_has_finite_gradients(regularizer):
    embedding = torch.ones(16, 8, requires_grad=True)
    regularizer(embedding).backward()
    assert embedding.grad.isfinite().all()


def test_koleo_against_a_plain_loop():
    torch.manual_seed(0)
    x = torch.nn.functional.normalize(torch.randn(12, 5), dim=1)
    nearest = [min((x[i] - x[j]).norm().item() for j in range(12) if j != i) for i in range(12)]
    expected = -sum(math.log(distance) for distance in nearest) / 12
    assert koleo(7 * x).item() == pytest.approx(expected, rel=1e-5)  # and does not depend on the length


def test_variance_and_covariance_of_white_embeddings_vanish():
    torch.manual_seed(0)
    x = torch.linalg.qr(torch.randn(64, 8))[0]
    white = (x - x.mean(dim=0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T
    assert variance_hinge(white) < 1e-4
    assert covariance_penalty(white) < 1e-6
    assert variance_hinge(0.5 * white).item() == pytest.approx(0.5, abs=1e-3)


def test_covariance_against_numbers_by_hand():
    x = torch.tensor([[1.0, 2.0], [-1.0, -2.0]])  # covariance 4 between the two, twice
    assert covariance_penalty(x).item() == pytest.approx(2 * 4.0**2 / 2)


def test_sigreg_prefers_a_standard_normal():
    torch.manual_seed(0)
    normal = torch.randn(4096, 16)
    best = sigreg(normal)
    for worse in (0.5 * normal, 2 * normal, normal + 1, torch.zeros_like(normal)):
        assert sigreg(worse) > 10 * best
    assert sigreg(normal.sign()) > 2 * best  # sums of sixteen signs are almost normal


def test_sigreg_against_a_plain_integral_along_one_direction(monkeypatch):
    monkeypatch.setattr(regularisers, "SIGREG_POINTS", 2001)
    x = torch.tensor([[0.3], [-1.2], [0.8]])
    t = torch.linspace(-3, 3, 4001, dtype=torch.float64)
    values = x.double().flatten()
    empirical = torch.exp(1j * values.unsqueeze(1) * t).mean(dim=0)
    normal = torch.exp(-t.square() / 2)
    expected = 3 * torch.trapezoid((empirical - normal).abs().square() * normal, t)
    assert sigreg(x).item() == pytest.approx(expected.item(), rel=1e-4)
