"""Networks that regress numbers: their outputs, scale and weights."""

import pytest
import torch

from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.regression_targets import RegressionTargets
from hepjepa_weaver.model.regressor import JetRegressor
from tests.helpers.messages import naming
from tests.helpers.networks import finetune_config, small_classifier, small_jepa
from tests.helpers.toy_jets import random_jets, weaver_inputs

JETS = random_jets([5, 12, 1, 30])


def small_regressor(classes: int = 0, quantiles=(), centre=(100.0, 500.0), seed: int = 0, **options) -> JetRegressor:
    torch.manual_seed(seed)
    targets = RegressionTargets(("mass", "pt"), quantiles, centre, (20.0, 50.0))
    config = finetune_config(pooling="mean", target="hybrid" if classes else "regression", **options)
    return JetRegressor(JetReader(REQUIRED_GROUPS), 17, classes, targets, config).eval()


@pytest.mark.parametrize("quantiles", [(), (0.25, 0.5, 0.75)])
def test_numbers_there_and_back(quantiles):
    targets = RegressionTargets(("mass", "pt"), quantiles, (100.0, 500.0), (20.0, 50.0))
    numbers = torch.tensor([[90.0, 470.0], [120.0, 610.0]])
    inner = targets.standardised(numbers).unsqueeze(2).expand(-1, -1, max(len(quantiles), 1))
    torch.testing.assert_close(targets.original(inner)[:, :, 0], numbers)
    scores, found = targets.split(torch.cat([torch.ones(2, 3), inner.flatten(1)], dim=1), 3)
    assert scores.shape == (2, 3)
    torch.testing.assert_close(found, inner + torch.tensor([-0.67449, 0, 0.67449] if quantiles else [0.0]))


def test_quantiles_ascend_and_the_median_has_the_name_of_the_number():
    targets = RegressionTargets(("mass",), (0.16, 0.5, 0.975), (0.0,), (1.0,))
    assert targets.original(torch.tensor([[[3.0, 1.0, 2.0]]])).tolist() == [[[1.0, 2.0, 3.0]]]
    assert targets.column_names() == ["output_mass_q16", "output_mass", "output_mass_q97.5"]


@pytest.mark.parametrize("classes", [0, 10])
def test_outputs_are_probabilities_and_numbers_in_the_units_of_the_file(classes):
    model = small_regressor(classes)
    with torch.no_grad():
        found = model(*weaver_inputs(JETS))
        outputs = model.fc(model.embed(model.reader(*weaver_inputs(JETS))))
    assert found.shape == (4, classes + 2)
    torch.testing.assert_close(found[:, :classes].sum(dim=1), torch.full((4,), 1.0 if classes else 0.0))
    wanted = outputs[:, classes:] * torch.tensor([20.0, 50.0]) + torch.tensor([100.0, 500.0])
    torch.testing.assert_close(found[:, classes:], wanted, atol=1e-4, rtol=1e-5)
    output = model.train()(*weaver_inputs(JETS))
    assert (output.scores.shape, output.numbers.shape) == ((4, classes), (4, 2, 1))


@pytest.mark.parametrize("start", ["pretrained", "classifier", "regressor"])
def test_a_new_head_has_the_scale_of_its_labels(start):
    made = {"pretrained": small_jepa, "classifier": small_classifier,
            "regressor": lambda: small_regressor(centre=(1.0, 2.0), seed=3)}  # fmt: skip
    other = made[start]()
    model = small_regressor(10)
    model.load_state_dict(other.state_dict(), strict=False)
    assert model.targets.centre.tolist() == [100.0, 500.0]
    prefix = "target_encoder." if start == "pretrained" else ""
    name = "mod.blocks.0.fc1.weight"
    assert torch.equal(model.state_dict()[name], other.state_dict()[prefix + name])


def test_a_head_that_is_taken_keeps_its_scale():
    """Otherwise it would begin with other predictions than it has learned."""
    other, model = small_regressor(10, centre=(1.0, 2.0), seed=3), small_regressor(10)
    model.load_state_dict(other.state_dict(), strict=False)
    with torch.no_grad():
        torch.testing.assert_close(model(*weaver_inputs(JETS)), other(*weaver_inputs(JETS)))


def test_half_precision_does_not_round_the_numbers():
    model = small_regressor(10).train()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(*weaver_inputs(JETS))
    assert output.numbers.dtype == output.scores.dtype == torch.float32


def test_a_resumed_run_has_the_scale_of_its_checkpoint():
    model = small_regressor(centre=(7.0, 8.0))
    model.load_state_dict(small_regressor().state_dict())
    assert model.targets.centre.tolist() == [100.0, 500.0]


@pytest.mark.parametrize(
    "options",
    [
        {"quantiles": (0.1, 0.5)},
        {"target": "regression", "quantiles": (0.1, 0.5)},
        {"regression_loss": "squared"},
        {"target": "regression", "regression_weight": 2.0},
        {"target": "regression", "num_classes": 3},
    ],
    ids=str,
)
def test_options_without_effect_are_refused(options):
    with pytest.raises(UserError, match=naming(list(options)[-1], "left out")):
        finetune_config(**options)


@pytest.mark.parametrize("quantiles", [(0.16, 0.84), (0.5, 0.16), (0.0, 0.5), (0.5, 0.5), ()])
def test_quantiles_that_make_no_sense_are_refused(quantiles):
    with pytest.raises(UserError, match=naming("quantiles", 0.5)):
        finetune_config(target="regression", regression_loss="quantile", quantiles=quantiles)
