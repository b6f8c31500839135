import torch

from hepjepa_weaver.batch.augmentation import Augmentation
from hepjepa_weaver.config import AugmentConfig, MaskingConfig
from hepjepa_weaver.objectives.masked.hiding import HiddenView, hide
from hepjepa_weaver.objectives.masked.masking import Masking
from tests.helpers.data_configs import COLUMNS
from tests.helpers.networks import small_jepa
from tests.helpers.toy_jets import random_jets

MULTIPLICITIES = [1, 2, 3, 17, 40, 25]
OPTIONS = AugmentConfig(rotate=True, turn_context=True)


def view_of(turned: bool = False) -> HiddenView:
    torch.manual_seed(5)
    masking = Masking(MaskingConfig(context_ratio=(0.5, 0.9)))
    jets = random_jets(MULTIPLICITIES)
    moved = Augmentation(OPTIONS, COLUMNS["full"]).moved(jets)
    torch.manual_seed(6)
    return hide(jets, masking, moved if turned else None)


def test_context_and_hidden_are_the_masked_particles_of_the_sorted_jets():
    view = view_of()
    assert view.jets.num_real.tolist() == sorted(MULTIPLICITIES, reverse=True)
    assert view.jets.num_real[view.order.argsort()].tolist() == MULTIPLICITIES
    for part, mask in ((view.context, view.masks.is_context), (view.hidden, view.masks.is_target)):
        expected = view.jets.vectors.transpose(1, 2)[mask]
        assert torch.equal(part.vectors.transpose(1, 2)[part.is_real], expected)
    assert view.context_pairs.per_jet.tolist() == [n * (n + 1) // 2 for n in view.context.num_real.tolist()]


def test_turned_jets_have_the_same_particles_in_one_other_orientation():
    plain, turned = view_of(), view_of(turned=True)
    assert torch.equal(plain.masks.is_context, turned.masks.is_context)
    assert torch.equal(plain.jets.points, turned.jets.points)
    for before, after in ((plain.context, turned.context), (plain.hidden, turned.hidden)):
        real = before.is_real
        assert not torch.allclose(before.points.transpose(1, 2)[real], after.points.transpose(1, 2)[real])
        assert torch.allclose(before.pt()[real], after.pt()[real], rtol=1e-4)
    assert torch.equal(turned.unturned().features, plain.hidden.features)
    apart = [
        torch.cdist(view.context.points.transpose(1, 2), view.hidden.points.transpose(1, 2))[
            view.context.is_real.unsqueeze(2) & view.hidden.is_real.unsqueeze(1)
        ]
        for view in (plain, turned)
    ]
    assert torch.allclose(*apart, atol=1e-3)
    # ΔR, kT and z of pairs are what a rotation leaves as it is; the mass of a pair only for small distances
    assert torch.allclose(plain.context_pairs.features[:, 1], turned.context_pairs.features[:, 1], atol=1e-3)
    assert torch.allclose(
        plain.context_pairs.features[:, 2].exp(), turned.context_pairs.features[:, 2].exp(), atol=1e-3
    )


def test_the_context_is_turned_in_training_only():
    model = small_jepa(rotate=True, turn_context=True)
    jets = random_jets(MULTIPLICITIES)
    for training in (True, False):
        view = model.train(training).hide(jets)
        index = view.masks.is_context
        same = torch.allclose(
            view.context.points.transpose(1, 2)[view.context.is_real], view.jets.points.transpose(1, 2)[index]
        )
        assert same is not training
