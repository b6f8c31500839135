from dataclasses import replace

import numpy as np
import pytest
import torch
from speed.synthetic_jets import NUM_BATCHES, EndlessLoader, draw_multiplicities, make_batches

from hepjepa_weaver.common.errors import UserError
from tests.helpers.data_configs import jetclass_config
from tests.helpers.messages import naming

CONFIG = jetclass_config("full")


def counts_of(batch):
    return batch[0]["pf_mask"].sum(dim=(1, 2))


def test_full_jets_fill_all_slots(case):
    for groups, labels, _ in make_batches(case, CONFIG, seed=0):
        assert {name: tuple(x.shape) for name, x in groups.items()} == {
            "pf_points": (4, 2, 8),
            "pf_features": (4, 17, 8),
            "pf_vectors": (4, 4, 8),
            "pf_mask": (4, 1, 8),
        }
        assert groups["pf_mask"].all()
        assert labels["_label_"].shape == (4,)


def test_multiplicities_are_spread_as_in_jetclass():
    counts = draw_multiplicities("jetclass", 20_000, 128, np.random.default_rng(0))
    assert counts.mean() == pytest.approx(41, abs=0.3)
    assert counts.std() == pytest.approx(11, abs=0.3)
    assert draw_multiplicities("jetclass", 20_000, 32, np.random.default_rng(0)).max() == 32


def test_jetclass_jets_are_wrapped_into_128_slots(case):
    batches = make_batches(replace(case, jets="jetclass", particles=64, batch_size=50), CONFIG, seed=0)
    for batch in batches:
        groups, counts = batch[0], counts_of(batch).int()
        assert groups["pf_mask"].shape == (50, 1, 128)
        assert counts.max() <= 64
        for jet, count in enumerate(counts.tolist()):
            for name in ("pf_points", "pf_features", "pf_vectors"):
                x = groups[name][jet]
                assert torch.equal(x[:, count], x[:, 0])
                assert not torch.equal(x[:, 1], x[:, 0])
            assert groups["pf_mask"][jet, 0, :count].all()


def test_particles_are_physical(case):
    groups, _, _ = make_batches(replace(case, jets="jetclass", particles=128), CONFIG, seed=0)[0]
    px, py, pz, energy = groups["pf_vectors"].double().unbind(dim=1)
    mass_squared = energy**2 - px**2 - py**2 - pz**2
    assert (mass_squared.abs() / energy**2).max() < 1e-5
    assert torch.equal(groups["pf_features"][:, -2:], groups["pf_points"])
    torch.testing.assert_close(torch.atan2(py, px).float(), groups["pf_points"][:, 1])


def test_features_are_standardised(case):
    batch = make_batches(replace(case, batch_size=500, particles=50), CONFIG, seed=0)[0]
    features = batch[0]["pf_features"][:, :-2]
    assert features.mean().abs() < 0.02
    assert features.std() == pytest.approx(1, abs=0.02)


def test_batches_differ_and_depend_on_the_seed_alone(case):
    first, again, other = (make_batches(case, CONFIG, seed=seed) for seed in (0, 0, 1))
    points = [groups["pf_points"] for groups, _, _ in first]
    assert len(points) == NUM_BATCHES
    assert all(torch.equal(p, groups["pf_points"]) for p, (groups, _, _) in zip(points, again, strict=True))
    different = [*points, *(groups["pf_points"] for groups, _, _ in other)]
    assert len({tuple(p.flatten().tolist()) for p in different}) == 2 * NUM_BATCHES


def test_the_loader_goes_round(case):
    batches = make_batches(case, CONFIG, seed=0)
    loader = iter(EndlessLoader(CONFIG, batches))
    assert [next(loader) is batches[i % NUM_BATCHES] for i in range(2 * NUM_BATCHES)] == [True] * 2 * NUM_BATCHES


def test_more_particles_than_slots(case):
    with pytest.raises(UserError, match=naming(128)):
        make_batches(replace(case, jets="jetclass", particles=129), CONFIG, seed=0)
