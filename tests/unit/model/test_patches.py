import pytest
import torch

from hepjepa_weaver.batch.augmentation import Augmentation
from hepjepa_weaver.batch.jets import take
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import AugmentConfig, TokenConfig
from hepjepa_weaver.model.patches import PatchTokens, farthest_points, nearest_particles, new_patches, of_nearest_centre
from tests.helpers.data_configs import COLUMNS
from tests.helpers.messages import naming
from tests.helpers.networks import small_classifier, small_jepa
from tests.helpers.symmetry import padded, permuted
from tests.helpers.toy_jets import random_jets

MULTIPLICITIES = [1, 2, 3, 17, 40]


def patches(num_patches: int = 6, patch_size: int = 4) -> PatchTokens:
    torch.manual_seed(0)
    to_tokens = new_patches(TokenConfig("patches", num_patches, patch_size), 17, 16)
    assert isinstance(to_tokens, PatchTokens)
    return to_tokens


def test_particle_tokens_are_the_particles():
    jets = random_jets(MULTIPLICITIES)
    assert new_patches(TokenConfig(), 17, 16)(jets) is jets


def test_a_jet_has_as_many_patches_as_particles_at_most():
    tokens = patches()(random_jets(MULTIPLICITIES))
    assert tokens.num_real.tolist() == [1, 2, 3, 6, 6]
    assert torch.equal(tokens.is_real.sum(dim=1), tokens.num_real)
    assert tokens.features.shape == (5, 16, 6)
    assert tokens.features.isfinite().all()


def test_centres_are_the_farthest_from_those_before():
    jets = random_jets([5])
    jets.points[0] = torch.tensor([[0.0, 0.1, 1.0, 0.9, -0.4], [0.0] * 5])
    centres, number = farthest_points(jets, 3)
    assert centres.tolist() == [[0, 2, 4]]  # the hardest particle comes first
    assert number.tolist() == [3]


def test_centres_are_different_particles():
    jets = random_jets(MULTIPLICITIES)
    jets.points[3] = 0.0  # all in one place
    centres, number = farthest_points(jets, 8)
    for row, count in zip(centres, number, strict=True):
        assert len(set(row[:count].tolist())) == count


def test_groups_are_the_nearest_particles():
    jets = random_jets([30, 2])
    centres, _ = farthest_points(jets, 5)
    members = nearest_particles(jets, centres, 4)
    distance = (jets.points[0].unsqueeze(2) - jets.points[0][:, centres[0]].unsqueeze(1)).norm(dim=0)
    expected = distance.argsort(dim=0)[:4].T
    assert torch.equal(members.particle[0].view(5, 4).sort(dim=1).values, expected.sort(dim=1).values)
    assert members.patch[0].view(5, 4).tolist() == [[number] * 4 for number in range(5)]
    assert members.is_real[1, :4].tolist() == [True, True, False, False]


def test_without_a_size_every_particle_is_in_the_patch_of_the_nearest_centre():
    jets = random_jets([30, 2, 12])
    jets.points[2, :, :12] = 0.0  # all in one place: every centre keeps its own patch
    centres, number = farthest_points(jets, 5)
    is_patch = torch.arange(5) < number.unsqueeze(1)
    members = of_nearest_centre(jets, centres, is_patch)
    distance = (jets.points[0].unsqueeze(2) - jets.points[0][:, centres[0]].unsqueeze(1)).norm(dim=0)
    assert torch.equal(members.patch[0], distance.argmin(dim=1))
    assert torch.equal(members.particle[members.is_real].sort().values, jets.is_real.nonzero()[:, 1].sort().values)
    for row in range(3):
        assert set(members.patch[row][members.is_real[row]].tolist()) == set(range(int(number[row])))


def test_patches_without_a_size_hold_the_whole_jet():
    jets = random_jets(MULTIPLICITIES)
    tokens = patches(patch_size=0)(jets)
    assert tokens.num_real.tolist() == [1, 2, 3, 6, 6]
    total = (tokens.vectors * tokens.is_real.unsqueeze(1)).sum(dim=2)
    assert torch.allclose(total, (jets.vectors * jets.is_real.unsqueeze(1)).sum(dim=2), rtol=1e-5)


def test_a_patch_is_what_its_particles_are():
    """PointNet by hand, patch by patch."""
    jets, to_tokens = random_jets([17]), patches(patch_size=0)
    tokens, centres = to_tokens(jets), farthest_points(jets, 6)[0]
    members = of_nearest_centre(jets, centres, torch.ones(1, 6, dtype=torch.bool))
    for number, centre in enumerate(centres[0].tolist()):
        own = members.patch[0] == number
        relative = jets.points[0][:, own] - jets.points[0][:, [centre]]
        each = to_tokens.each(torch.cat([jets.features[0][:, own], relative]).T)
        together = to_tokens.together(torch.cat([each.amax(dim=0).expand_as(each), each], dim=1))
        assert torch.allclose(tokens.features[0, :, number], together.amax(dim=0), atol=1e-5)


def test_the_momentum_of_a_patch_is_that_of_its_particles():
    jets = random_jets([2, 3])
    tokens = patches(num_patches=1, patch_size=8)(jets)
    assert torch.allclose(tokens.vectors[:, :, 0], jets.vectors.sum(dim=2), rtol=1e-5)


@pytest.mark.parametrize("patch_size", [0, 4])
def test_patches_ignore_order_and_padding(patch_size):
    jets, to_tokens = random_jets(MULTIPLICITIES), patches(patch_size=patch_size)
    wanted = to_tokens(jets)
    for changed in (permuted(jets)[0], padded(jets, 7, wrap=True), padded(jets, 7, wrap=False)):
        tokens = to_tokens(changed)
        for name in ("points", "features", "vectors"):
            pair = (getattr(x, name).transpose(1, 2)[x.is_real] for x in (tokens, wanted))
            assert torch.allclose(*pair, atol=1e-5), name


@pytest.mark.parametrize("patch_size", [0, 4])
def test_a_turned_jet_has_the_same_particles_in_its_patches(patch_size):
    torch.manual_seed(0)
    jets, tokens = random_jets([1, 3, 17, 40]), patches(patch_size=patch_size)
    moved = Augmentation(AugmentConfig(rotate=True, smear=0.3), COLUMNS["full"]).moved(jets)
    turned, plain = tokens(moved, grouped_as=jets), tokens(jets)
    real = plain.is_real
    assert torch.equal(turned.is_real, real)
    assert not torch.allclose(plain.points.transpose(1, 2)[real], turned.points.transpose(1, 2)[real])
    centres, _ = farthest_points(jets, tokens.config.num_patches)
    assert torch.equal(turned.points.transpose(1, 2)[real], take(moved.points, centres).transpose(1, 2)[real])


@pytest.mark.parametrize("patch_size", [0, 3])
def test_a_patch_does_not_know_particles_that_are_not_in_it(patch_size):
    jets = random_jets([20])
    to_tokens = patches(num_patches=4, patch_size=patch_size)
    centres, _ = farthest_points(jets, 4)
    members = nearest_particles(jets, centres, 3)
    if patch_size == 0:
        members = of_nearest_centre(jets, centres, torch.ones(1, 4, dtype=torch.bool))
    inside = set(members.particle[0][members.patch[0] == 2].tolist())
    outside = next(i for i in range(20) if i not in inside)
    before = to_tokens(jets).features[0, :, 2]
    jets.features[0, :, outside] += 1.0
    assert torch.equal(to_tokens(jets).features[0, :, 2], before)


@pytest.mark.parametrize("strict", [True, False])
def test_a_checkpoint_of_other_patches_is_refused(strict):
    options = {"tokens": "patches", "num_patches": 6, "patch_size": 4}
    state = small_jepa(**options).state_dict()
    small_jepa(seed=1, **options).load_state_dict(state, strict=strict)
    networks = [small_jepa(**{**options, "num_patches": 5}), small_jepa(**{**options, "patch_size": 5})]
    if not strict:
        small_classifier(**options).load_state_dict(state, strict=False)
        networks.append(small_classifier(**{**options, "patch_size": 5}))
    for network in networks:
        with pytest.raises(UserError, match=naming("-o num_patches", 6, "-o patch_size", 4)):
            network.load_state_dict(state, strict=strict)


@pytest.mark.parametrize("options", [{"num_patches": 0}, {"patch_size": -1}])
def test_impossible_numbers_are_refused(options):
    with pytest.raises(Exception, match=next(iter(options))):
        TokenConfig(**options)
