import math

import pytest
import torch

from hepjepa_weaver.objectives.masked.feature_head import LABEL_SMOOTHING, FeatureHead
from tests.helpers.data_configs import COLUMNS

FULL = COLUMNS["full"]


def particles(*kinds: tuple[str | None, int]) -> torch.Tensor:
    """Features (1, 17, T) of particles of given type and charge."""
    features = torch.zeros(1, 17, len(kinds))
    for slot, (name, charge) in enumerate(kinds):
        features[0, FULL.where("part_charge")[0], slot] = charge
        if name is not None:
            features[0, FULL.where(name)[0], slot] = 1
    return features


def test_classes_are_types_times_charges():
    head = FeatureHead(8, FULL)
    kinds = [
        ("part_isChargedHadron", -1),
        ("part_isChargedHadron", 1),
        ("part_isPhoton", 0),
        ("part_isMuon", 1),
        (None, 0),
    ]
    assert head.classes(particles(*kinds)).tolist() == [[0, 2, 7, 14, 16]]
    assert head.to_classes.out_features == 18


@pytest.mark.parametrize(("features", "values", "classes"), [("kin", 7, None), ("kinpid", 7, 18), ("full", 11, 18)])
def test_it_predicts_what_the_data_config_has(features, values, classes):
    head = FeatureHead(8, COLUMNS[features])
    assert head.to_values.out_features == values
    assert (head.to_classes.out_features if head.to_classes else None) == classes
    losses = head(torch.randn(2, 3, 8), torch.randn(2, len(COLUMNS[features].columns), 3), torch.ones(2, 3).bool())
    assert set(losses.terms()) == {"regression"} | ({"identity"} if classes else set())
    assert torch.isclose(losses.weighted(0.0), losses.regression)


def test_continuous_features_are_compared_and_padding_does_not_count():
    torch.manual_seed(0)
    head = FeatureHead(8, FULL)
    features, is_target = torch.randn(4, 17, 5), torch.rand(4, 5) < 0.7
    with torch.no_grad():
        head.to_values.weight.zero_()
        head.to_values.bias.zero_()
    wanted = features[:, FULL.continuous].transpose(1, 2)[is_target]
    expected = torch.nn.functional.smooth_l1_loss(torch.zeros_like(wanted), wanted)
    states = torch.randn(4, 5, 8)
    assert torch.isclose(head(states, features, is_target).regression, expected)
    states[~is_target], features.transpose(1, 2)[~is_target] = 1e6, 1e6
    assert torch.isclose(head(states, features, is_target).regression, expected)


def test_a_sure_answer_costs_the_smoothing_only():
    head = FeatureHead(8, FULL)
    features = particles(("part_isPhoton", 0))
    with torch.no_grad():
        head.to_classes.weight.zero_()
        head.to_classes.bias.fill_(-100.0)
        head.to_classes.bias[7] = 100.0
    identity = head(torch.randn(1, 1, 8), features, torch.ones(1, 1).bool()).identity.item()
    assert identity == pytest.approx(LABEL_SMOOTHING * 200 * 17 / 18, rel=1e-3)
    with torch.no_grad():
        head.to_classes.bias.zero_()
    assert head(torch.randn(1, 1, 8), features, torch.ones(1, 1).bool()).identity.item() == pytest.approx(math.log(18))


def test_without_any_target_the_losses_are_zero():
    losses = FeatureHead(8, FULL)(torch.randn(2, 1, 8), torch.randn(2, 17, 1), torch.zeros(2, 1).bool())
    assert losses.regression == losses.identity == 0
