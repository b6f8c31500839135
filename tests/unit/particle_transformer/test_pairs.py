import torch
from weaver.nn.model.ParticleTransformer import pairwise_lv_fts_pp

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.particle_transformer import pairs as pairs_module
from hepjepa_weaver.particle_transformer.pairs import Pairs, real_pairs
from tests.helpers.toy_jets import random_jets

MULTIPLICITIES = [1, 17, 2, 40, 3]


def weaver_features(jets: Jets, pairs: Pairs) -> torch.Tensor:
    vectors = jets.vectors.transpose(1, 2)
    first, second = vectors[pairs.jet, pairs.first], vectors[pairs.jet, pairs.second]
    return pairwise_lv_fts_pp(first, second, num_outputs=4)


def test_every_pair_of_real_particles_is_there_once():
    pairs = real_pairs(random_jets(MULTIPLICITIES))
    listed = list(zip(pairs.jet.tolist(), pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert listed == [(n, i, j) for n, size in enumerate(MULTIPLICITIES) for i in range(size) for j in range(i + 1)]
    assert pairs.per_jet.tolist() == [size * (size + 1) // 2 for size in MULTIPLICITIES]


def test_features_are_those_of_weaver():
    jets = random_jets(MULTIPLICITIES)
    pairs = real_pairs(jets)
    assert torch.allclose(pairs.features, weaver_features(jets, pairs), atol=1e-4)


def test_features_of_degenerate_particles_are_those_of_weaver():
    jets = random_jets([6])
    jets.vectors[0, :, 1] = jets.vectors[0, :, 0]  # the same particle twice
    jets.vectors[0, :, 2] = 0
    jets.vectors[0, :, 3] = 3 * jets.vectors[0, :, 0]  # collinear
    jets.vectors[0, :, 4] = torch.tensor([0.0, 0.0, 5.0, 5.0])  # along the beam
    jets.vectors[0, :, 5] = 1e-12 * jets.vectors[0, :, 0]
    pairs = real_pairs(jets)
    assert torch.isfinite(pairs.features).all()
    assert torch.allclose(pairs.features, weaver_features(jets, pairs), atol=1e-4)


def test_features_do_not_depend_on_the_size_of_the_pieces(monkeypatch):
    jets = random_jets(MULTIPLICITIES)
    whole = real_pairs(jets).features
    monkeypatch.setattr(pairs_module, "CPU_CHUNK", 7)
    assert torch.allclose(real_pairs(jets).features, whole, atol=1e-6)
