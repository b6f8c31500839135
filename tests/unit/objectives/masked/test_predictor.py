from dataclasses import replace

import pytest
import torch

from hepjepa_weaver.config import MaskingConfig
from hepjepa_weaver.model.encoder import EncodedJets
from hepjepa_weaver.objectives.masked.hiding import HiddenView, hide
from hepjepa_weaver.objectives.masked.masking import Masking
from hepjepa_weaver.objectives.masked.predictor import PredictedStates, Predictor
from tests.helpers.networks import small_config
from tests.helpers.toy_jets import random_jets

MULTIPLICITIES = [12, 9, 5, 1]


def view_of(seed: int = 0, points_seed: int | None = None) -> HiddenView:
    """The same particles hidden each time; `seed` makes the jets, `points_seed` other places for them."""
    jets = random_jets(MULTIPLICITIES, seed=seed)
    if points_seed is not None:
        jets.points[:] = random_jets(MULTIPLICITIES, seed=points_seed).points
    torch.manual_seed(7)
    return hide(jets, Masking(MaskingConfig()))


def predict(knows: str, view: HiddenView, tokens: torch.Tensor | None = None, **options) -> PredictedStates:
    torch.manual_seed(0)
    predictor = Predictor(16, small_config(mask_token_knows=knows, **options).predictor, predicts_seen=True).eval()
    torch.manual_seed(1)
    drawn = torch.randn(*view.context.is_real.shape, 16)
    context = EncodedJets(drawn if tokens is None else tokens, view.context.is_real, view.context.num_real, None)
    return predictor(context, view, torch.ones(len(drawn), 16))


@pytest.mark.parametrize("knows", ["position", "pt_rank", "nothing"])
def test_shapes(knows):
    view = view_of()
    states = predict(knows, view)
    assert states.hidden.shape == (4, 5, 8)
    assert states.seen.shape == (4, 7, 8)
    assert states.jet.shape == (4, 8)


def test_a_mask_token_that_knows_nothing_gives_one_answer_for_all():
    first, other = (predict("nothing", view_of(seed)) for seed in (0, 1))
    assert torch.equal(first.hidden, other.hidden)
    assert torch.allclose(first.hidden[0, 0], first.hidden[0, 2], atol=1e-6)


def test_a_mask_token_that_knows_the_rank_sees_the_order_of_pt_only():
    original = predict("pt_rank", view_of())
    assert torch.equal(original.hidden, predict("pt_rank", view_of(1)).hidden)  # jets come sorted in pT
    reversed_order = view_of()
    reversed_order.hidden.vectors[0] = reversed_order.hidden.vectors[0].flip(1)
    assert torch.allclose(original.hidden[0, 0], predict("pt_rank", reversed_order).hidden[0, 4], atol=1e-6)
    assert not torch.allclose(original.hidden[0, 0], original.hidden[0, 2], atol=1e-6)


def test_a_mask_token_that_knows_the_position_does_not_see_pt():
    original = predict("position", view_of())
    same_place = view_of(seed=1, points_seed=0)
    assert torch.equal(original.hidden, predict("position", same_place).hidden)
    assert not torch.allclose(original.hidden, predict("position", view_of(seed=1)).hidden)


@pytest.mark.parametrize("pair_bias", [False, True])
@pytest.mark.parametrize("knows", ["position", "pt_rank"])
def test_padding_does_not_matter(knows, pair_bias):
    view = view_of()
    tokens = torch.randn(4, 7, 16, generator=torch.Generator().manual_seed(3))
    original = predict(knows, view, tokens, predictor_pair_bias=pair_bias)
    for jets in (view.hidden, view.context):
        jets.points.transpose(1, 2)[~jets.is_real] = 7.0
        jets.vectors.transpose(1, 2)[~jets.is_real] = 1e4
    changed_tokens = tokens.masked_fill(~view.context.is_real.unsqueeze(2), 1e3)
    changed = predict(knows, view, changed_tokens, predictor_pair_bias=pair_bias)
    is_real = view.hidden.is_real
    assert torch.allclose(original.hidden[is_real], changed.hidden[is_real], atol=1e-5)
    assert torch.allclose(original.seen[view.context.is_real], changed.seen[view.context.is_real], atol=1e-5)
    assert torch.allclose(original.jet, changed.jet, atol=1e-5)


def test_the_pairwise_bias_is_that_of_the_context_alone():
    plain, biased = (predict("pt_rank", view_of(), predictor_pair_bias=bias) for bias in (False, True))
    assert not torch.allclose(plain.hidden, biased.hidden, atol=1e-4)
    other = view_of(1)
    for group in ("points", "features", "vectors"):
        getattr(other.context, group)[:] = getattr(view_of().context, group)
    torch.manual_seed(7)
    changed = HiddenView(**{**vars(view_of()), "hidden": other.hidden})
    assert torch.equal(predict("pt_rank", changed, predictor_pair_bias=True).hidden, biased.hidden)


def test_number_of_blocks_and_heads():
    predictor = Predictor(16, small_config(predictor_layers=3, predictor_heads=4).predictor)
    assert len(predictor.blocks) == 3
    assert {block.attn.num_heads for block in predictor.blocks} == {4}


@pytest.mark.parametrize("pair_bias", [False, True])
def test_without_particles_to_predict_there_is_no_mask_token_and_the_jet_follows_from_the_context_alone(pair_bias):
    config = small_config(predictor_pair_bias=pair_bias, predictor_layers=2).predictor
    predictor = Predictor(16, config, predicts_hidden=False).eval()
    assert not [name for name, _ in predictor.named_parameters() if "mask" in name or "rank" in name]
    view, other = view_of(), view_of(1)
    tokens = torch.randn(4, 7, 16, generator=torch.Generator().manual_seed(3))
    context = EncodedJets(tokens, view.context.is_real, view.context.num_real, None)
    event = torch.ones(4, 16)
    states = predictor(context, view, event)
    assert states.hidden.shape == (4, 0, 8)
    assert states.jet.shape == (4, 8)
    fewer = replace(view, hidden=other.hidden.gather(other.hidden.is_real.cumsum(dim=1) == 1, torch.ones(4, dtype=int)))
    assert torch.equal(states.jet, predictor(context, fewer, event).jet)
    changed = EncodedJets(tokens.roll(1, dims=1), view.context.is_real, view.context.num_real, None)
    assert not torch.allclose(states.jet, predictor(changed, view, event).jet, atol=1e-4)


def test_without_an_event_nothing_is_left_of_it():
    predictor = Predictor(16, small_config().predictor, predicts_jet=False)
    assert not [name for name, _ in predictor.named_parameters() if "event" in name]
