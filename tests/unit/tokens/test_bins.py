import pytest
import torch

from hepjepa_weaver.tokens.bins import UNIFORM, FeatureBins
from hepjepa_weaver.tokens.particle_values import CENTRE, STRETCH

LEVELS = (8, 4, 2)


def values_of(number: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(number, 3, generator=generator) * torch.tensor([1.0, 0.5, 0.3])


def test_quantile_bins_hold_as_many_particles_each():
    bins = FeatureBins(LEVELS, "quantiles")
    assert not bins.has_learned()
    values = values_of(100_000)
    bins.learn(values)
    assert bins.has_learned()
    codes = bins.codes(values)
    place = {0: codes // 8, 1: codes // 2 % 4, 2: codes % 2}
    for feature, level in enumerate(LEVELS):
        share = torch.bincount(place[feature], minlength=level) / len(values)
        assert torch.allclose(share, torch.full((level,), 1 / level), atol=2e-4)


def test_all_batches_have_the_same_weight():
    bins = FeatureBins(LEVELS, "quantiles")
    alone = []
    for seed in range(4):
        one = FeatureBins(LEVELS, "quantiles")
        one.learn(values_of(500, seed))
        bins.learn(values_of(500, seed))
        alone.append(one.steps_0)
    assert torch.allclose(bins.steps_0, torch.stack(alone).mean(dim=0), atol=1e-5)
    bins.learn(values_of(0))
    assert bins.num_learned == 4


def test_uniform_bins_have_equal_widths_of_ln_pt_and_of_the_angles_and_learn_nothing():
    bins = FeatureBins(LEVELS, "uniform")
    assert bins.has_learned()
    before = bins.steps_0.clone()
    bins.learn(values_of(500))
    assert torch.equal(bins.steps_0, before)
    for feature, level in enumerate(LEVELS):
        edges = getattr(bins, f"steps_{feature}")[::2]
        assert len(edges) == level + 1
        assert torch.allclose(edges.diff(), edges.diff().mean().expand(level), rtol=1e-4)
        physical = (edges + CENTRE).exp() if feature == 0 else edges / STRETCH
        assert torch.allclose(physical[[0, -1]], torch.tensor(UNIFORM[feature]), rtol=1e-4)


@pytest.mark.parametrize("kind", ["uniform", "quantiles"])
def test_what_comes_back_is_in_the_same_bin_and_as_near_as_that_is_wide(kind):
    bins, values = FeatureBins(LEVELS, kind), values_of(5000)
    bins.learn(values)
    codes = bins.codes(values.view(50, 100, 3))
    assert codes.min() >= 0
    assert codes.max() < 64
    back = bins.values(codes)
    assert back.shape == (50, 100, 3)
    assert torch.equal(bins.codes(back), codes)
    for feature in range(3):
        edges = getattr(bins, f"steps_{feature}")[::2]
        inside = (values[:, feature] >= edges[0]) & (values[:, feature] <= edges[-1])
        error = (back.view(-1, 3) - values)[:, feature].abs()
        assert (error[inside] <= edges.diff().max() + 1e-6).all()
        assert inside.float().mean() > 0.9


def test_beyond_the_edge_is_the_last_bin():
    bins = FeatureBins(LEVELS, "uniform")
    far = torch.tensor([[1e6, 1e6, 1e6], [-1e6, -1e6, -1e6]])
    assert bins.codes(far).tolist() == [63, 0]


def test_every_code_has_a_value_of_its_own():
    bins = FeatureBins(LEVELS, "quantiles")
    bins.learn(values_of(5000))
    values = bins.values(torch.arange(64))
    assert len(values.unique(dim=0)) == 64
    assert bins.codes(values).tolist() == list(range(64))
