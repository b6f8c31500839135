"""Quantiles and clusters of particles: a normal distribution and back, and the nearest centre."""

import numpy as np
import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.model.made_with import inputs_of
from hepjepa_weaver.tokens.fitted_statistics import load_statistics
from hepjepa_weaver.tokens.particle_statistics import NUM_QUANTILES, ParticleStatistics, normal_scores
from tests.helpers.data_configs import COLUMNS, jetclass_config
from tests.helpers.messages import naming
from tests.helpers.statistics import particles, saved_statistics, small_statistics
from tests.helpers.tokens import saved_tokenizer

INPUTS = {features: inputs_of(jetclass_config(features)) for features in ("kin", "full")}


def columns_of(features):
    statistics = small_statistics(features)
    return statistics, particles(features)[:, statistics.places]


@pytest.mark.parametrize("features", ["kin", "full"])
def test_features_become_normal_and_come_back(features):
    statistics, values = columns_of(features)
    normal = statistics.normal(values, statistics.places)
    back = statistics.original(normal, statistics.places)
    is_cut = normal.abs() == 5
    assert is_cut.float().mean() < 0.01
    torch.testing.assert_close(back[~is_cut], values[~is_cut], rtol=1e-3, atol=1e-3)


def test_a_skewed_feature_has_the_moments_of_a_normal_distribution():
    values = np.random.default_rng(0).exponential(3, 50_000)
    knots, scores = normal_scores(values)
    assert len(knots) == NUM_QUANTILES
    normal = np.interp(values, knots, scores)
    assert abs(normal.mean()) < 0.01
    assert abs(normal.std() - 1) < 0.02
    np.testing.assert_allclose(scores[[0, -1]], [-3.0902, 3.0902], atol=1e-3)  # half a quantile of 500 beyond
    assert abs(np.median(normal)) < 0.02


def test_values_that_many_share_stay_one_value_and_come_back():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(5000, len(COLUMNS["full"].columns), generator=generator)
    (place,) = COLUMNS["full"].where("part_d0")
    features[:2000, place] = 0
    statistics = ParticleStatistics(COLUMNS["full"], ParticleFitConfig(4))
    statistics.fit(features, seed=0)
    normal = statistics.normal(features[:, [place]], [place])
    assert normal[:2000].unique().numel() == 1
    assert abs(float(normal[0])) < 0.05  # 40 % at 0, as many above as below
    torch.testing.assert_close(statistics.original(normal, [place])[:2000], torch.zeros(2000, 1))


def test_a_feature_without_spread_is_nothing_new():
    features = particles()
    (place,) = COLUMNS["full"].where("part_dz")
    features[:, place] = 1.5
    statistics = ParticleStatistics(COLUMNS["full"], ParticleFitConfig(4))
    statistics.fit(features, seed=0)
    normal = statistics.normal(features[:, [place]], [place])
    assert (normal == 0).all()
    assert (statistics.original(normal, [place]) == 1.5).all()


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0)])
def test_no_particles_have_no_values(shape):
    statistics, values = columns_of("full")
    none = values.new_zeros(*shape, values.size(1))
    assert statistics.normal(none, statistics.places).shape == none.shape


@pytest.mark.parametrize("scale", ["normal", "data_config"])
def test_a_cluster_is_that_of_the_nearest_centre(scale):
    statistics = small_statistics(cluster_scale=scale)
    features = particles()[:300]
    values = features[:, statistics.independent]
    if scale == "normal":
        values = statistics.normal(values, statistics.independent)
    nearest = torch.cdist(values, statistics.centres).argmin(dim=1)
    assert torch.equal(statistics.clusters(features.T[None])[0], nearest)
    assert len(nearest.unique()) > 6


def test_clusters_leave_out_what_follows_from_the_rest():
    names = {features: [COLUMNS[features].names[place] for place in small_statistics(features).independent]
             for features in ("kin", "full")}  # fmt: skip
    assert names["kin"] == ["part_pt_log", "part_deta", "part_dphi"]
    assert set(names["full"]) == {*names["kin"], "part_d0", "part_d0err", "part_dz", "part_dzerr"}


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_features_that_are_not_finite_are_refused(value):
    features = particles()
    features[7, 3] = value
    with pytest.raises(UserError, match=naming("infinite")):
        ParticleStatistics(COLUMNS["full"], ParticleFitConfig(4)).fit(features, seed=0)


def test_more_clusters_than_particles_are_refused():
    with pytest.raises(UserError, match=naming(10, 12, "--clusters")):
        ParticleStatistics(COLUMNS["full"], ParticleFitConfig(12)).fit(particles()[:10], seed=0)


def test_they_come_back_from_a_file(tmp_path):
    path = saved_statistics(tmp_path / "particles.pt", cluster_scale="data_config")
    loaded, made = load_statistics(path, COLUMNS["full"], INPUTS["full"]), small_statistics(cluster_scale="data_config")
    assert loaded.config == made.config
    for name, value in made.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_statistics_of_other_features_are_refused(tmp_path):
    path = saved_statistics(tmp_path / "particles.pt", "kin")
    with pytest.raises(UserError, match=naming("particles.pt", "other inputs", "pf_features")):
        load_statistics(path, COLUMNS["full"], INPUTS["full"])


def test_what_holds_no_statistics_is_refused(tmp_path):
    path = saved_tokenizer(tmp_path / "net.pt")
    with pytest.raises(UserError, match=naming("net.pt", "fit-particles")):
        load_statistics(path, COLUMNS["full"], INPUTS["full"])
    with pytest.raises(UserError, match=naming("gone.pt")):
        load_statistics(tmp_path / "gone.pt", COLUMNS["full"], INPUTS["full"])
