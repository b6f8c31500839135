"""Both networks: no particle's place, and no padding, changes a score."""

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.classifier_networks import NETWORKS, build_network
from tests.helpers.messages import naming

each_network = pytest.mark.parametrize("name", NETWORKS)


def network(name, codes=0):
    torch.manual_seed(0)
    return build_network(name, 3, codes).eval()


def inputs(lengths=(4, 2, 1, 0)):
    features = torch.randn(len(lengths), 4, 5, generator=torch.Generator().manual_seed(1))
    is_real = torch.arange(4) < torch.tensor(lengths).unsqueeze(1)
    return features * is_real.unsqueeze(2), is_real


@each_network
@torch.no_grad()
def test_padding_changes_nothing(name):
    features, is_real = inputs()
    longer = torch.cat([features, torch.full((4, 2, 5), 7.0)], dim=1)
    scores = network(name)(longer, torch.cat([is_real, torch.zeros(4, 2, dtype=torch.bool)], dim=1))
    assert scores.shape == (4, 3)
    torch.testing.assert_close(network(name)(features, is_real), scores, rtol=1e-4, atol=1e-5)


@each_network
@torch.no_grad()
def test_order_of_particles_changes_nothing(name):
    features, is_real = inputs((4, 4, 4))
    order = [2, 0, 3, 1]
    scores = network(name)(features[:, order], is_real)
    torch.testing.assert_close(network(name)(features, is_real), scores, rtol=1e-4, atol=1e-5)


@each_network
@torch.no_grad()
def test_ids_pass_through_an_embedding(name):
    ids = torch.tensor([[1, 2, 0], [3, 0, 0]])
    is_real = torch.tensor([[True, True, False], [True, False, False]])
    classifier = network(name, codes=4)
    scores = classifier(ids, is_real)
    assert scores.shape == (2, 3)
    torch.testing.assert_close(classifier(ids.clamp(min=0) + ~is_real, is_real), scores, rtol=1e-4, atol=1e-5)


def test_unknown_networks_are_told():
    with pytest.raises(UserError, match=naming("resnet", "transformer", "particle_flow")):
        build_network("resnet", 2)
