"""Losses of regressed numbers and of classes beside them."""

import numpy as np
import pytest
import torch

from hepjepa_weaver.config.run import TargetLabelConfig
from hepjepa_weaver.model.regression_targets import RegressionTargets
from hepjepa_weaver.model.regressor import RegressorOutput
from hepjepa_weaver.objectives.target_loss import TargetLoss, log_cosh, pinball

TARGETS = RegressionTargets(("mass", "pt"), (), (100.0, 500.0), (20.0, 50.0))
NUMBERS = torch.tensor([[120.0, 500.0], [100.0, 600.0], [80.0, 450.0]])


def output(inner: list[list[float]], scores: torch.Tensor | None = None, targets=TARGETS) -> RegressorOutput:
    numbers = torch.tensor(inner, requires_grad=True).view(len(inner), len(targets.names), -1)
    return RegressorOutput(torch.zeros(len(inner), 0) if scores is None else scores, numbers, targets)


def config(loss: str = "squared", **options) -> TargetLabelConfig:
    return TargetLabelConfig(target="hybrid", regression_loss=loss, **options)


def test_the_true_numbers_in_units_of_their_width_cost_nothing():
    perfect = output([[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]])
    for loss in ("log_cosh", "squared", "absolute"):
        assert TargetLoss(config(loss))(perfect, None, NUMBERS).total.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("loss", "wanted"), [("squared", (4 / 3, 1.0)), ("absolute", (2 / 3, 1.0))])
def test_each_number_has_its_mean_loss(loss, wanted):
    found = TargetLoss(config(loss))(output([[3.0, 1.0], [0.0, 3.0], [-1.0, -2.0]]), None, NUMBERS)
    assert (found.terms["mass"].item(), found.terms["pt"].item()) == pytest.approx(wanted)
    assert found.total.item() == pytest.approx(sum(wanted))


def test_an_unknown_number_counts_for_nothing():
    unknown = NUMBERS.clone()
    unknown[0, 0] = torch.nan
    unknown[2, 1] = torch.inf
    given = output([[3.0, 1.0], [0.5, 3.0], [-1.5, -2.0]])
    found = TargetLoss(config())(given, None, unknown)
    assert (found.terms["mass"].item(), found.terms["pt"].item()) == pytest.approx((0.25, 1.0))
    (gradient,) = torch.autograd.grad(found.total, given.numbers)
    assert (gradient[0, 0], gradient[2, 1]) == (0, 0)
    assert (gradient.flatten() != 0).sum() == 4
    nothing = TargetLoss(config())(given, None, torch.full_like(NUMBERS, torch.nan))
    assert nothing.total.item() == 0


def test_classes_count_beside_the_numbers_with_their_weight():
    scores, label = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), torch.tensor([0, 0, 1])
    given = output([[3.0, 1.0], [0.0, 3.0], [-1.0, -2.0]], scores)
    found = TargetLoss(config(regression_weight=0.5))(given, label, NUMBERS)
    entropy = torch.nn.functional.cross_entropy(scores, label).item()
    assert found.terms["class"].item() == pytest.approx(entropy)
    assert found.total.item() == pytest.approx(entropy + 0.5 * (4 / 3 + 1))


def test_the_least_pinball_loss_is_that_of_the_quantiles():
    values = torch.from_numpy(np.random.default_rng(0).exponential(1.0, 20_000)).float()
    levels = (0.16, 0.5, 0.84)
    guess = torch.zeros(1, 1, 3, requires_grad=True)
    optimiser = torch.optim.Adam([guess], lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        pinball(guess - values[:, None, None], levels).mean().backward()
        optimiser.step()
    np.testing.assert_allclose(guess.detach().flatten(), np.quantile(values, levels), atol=0.03)


def test_log_cosh_is_what_it_says():
    excess = torch.linspace(-5, 5, 11, dtype=torch.float64)
    torch.testing.assert_close(log_cosh(excess), excess.cosh().log())
    assert log_cosh(torch.tensor(500.0)).item() == pytest.approx(500 - np.log(2))
    assert log_cosh(torch.tensor(-500.0)).item() == pytest.approx(500 - np.log(2))


def test_quantiles_are_learned_of_each_number():
    targets = RegressionTargets(("mass", "pt"), (0.1, 0.5), (100.0, 500.0), (20.0, 50.0))
    given = output([[0.0, 1.0, 0.0, 0.0]] * 3, targets=targets)
    found = TargetLoss(config("quantile", quantiles=(0.1, 0.5)))(given, None, NUMBERS)
    # mass is 1, 0, -1 inside: excesses -1, 0, 1 at level .1 and 0, 1, 2 at .5
    assert found.terms["mass"].item() == pytest.approx(((0.1 + 0 + 0.9) / 3 + (0 + 0.5 + 1) / 3) / 2)
