import pytest
import torch

from hepjepa_weaver.encoder import EncodedJets
from hepjepa_weaver.predictor import Prediction, Predictor
from tests.helpers.networks import small_config

IS_TARGET = torch.tensor([[True, True, True, False], [True, False, False, False]])


def predict(knows: str, points: torch.Tensor, pt: torch.Tensor, context: torch.Tensor | None = None) -> Prediction:
    torch.manual_seed(0)
    predictor = Predictor(16, small_config(mask_token_knows=knows).predictor)
    torch.manual_seed(1)
    tokens = torch.randn(2, 5, 16) if context is None else context
    is_real = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    encoded = EncodedJets(tokens, is_real, is_real.sum(dim=1), torch.ones(2, 16))
    return predictor(encoded, torch.randn(2, 2, 5), points, pt, IS_TARGET, IS_TARGET.sum(dim=1))


def draw_hidden(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pt = 50 * torch.rand(2, 4, generator=generator)
    return torch.randn(2, 2, 4, generator=generator), pt.sort(descending=True).values


@pytest.mark.parametrize("knows", ["position", "pt_rank", "nothing"])
def test_shapes(knows):
    prediction = predict(knows, *draw_hidden(0))
    assert prediction.tokens.shape == (2, 4, 16)
    assert prediction.latent.shape == (2, 16)


def test_a_mask_token_that_knows_nothing_gives_one_answer_for_all():
    first, other = (predict("nothing", *draw_hidden(seed)) for seed in (0, 1))
    assert torch.equal(first.tokens, other.tokens)
    assert torch.allclose(first.tokens[0, 0], first.tokens[0, 2], atol=1e-6)


def test_a_mask_token_that_knows_the_rank_sees_the_order_of_pt_only():
    points, pt = draw_hidden(0)
    other_points, other_pt = draw_hidden(1)
    original = predict("pt_rank", points, pt)
    assert torch.equal(original.tokens, predict("pt_rank", other_points, other_pt).tokens)
    reversed_order = predict("pt_rank", points, pt.flip(1))
    assert torch.allclose(original.tokens[0, 0], reversed_order.tokens[0, 2], atol=1e-6)
    assert not torch.allclose(original.tokens[0, 0], original.tokens[0, 2], atol=1e-6)


def test_a_mask_token_that_knows_the_position_does_not_see_pt():
    points, pt = draw_hidden(0)
    original = predict("position", points, pt)
    assert torch.equal(original.tokens, predict("position", points, draw_hidden(1)[1]).tokens)
    assert not torch.allclose(original.tokens, predict("position", points + 0.1, pt).tokens)


@pytest.mark.parametrize("knows", ["position", "pt_rank"])
def test_padding_does_not_matter(knows):
    points, pt = draw_hidden(0)
    original = predict(knows, points, pt)
    context = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(3))
    points[1, :, 1:], pt[1, 1:] = 7.0, 1e4
    assert torch.allclose(original.tokens[IS_TARGET], predict(knows, points, pt).tokens[IS_TARGET], atol=1e-6)
    changed = context.clone()
    changed[1, 3:] = 1e3
    a, b = (predict(knows, points, pt, tokens) for tokens in (context, changed))
    assert torch.allclose(a.tokens[IS_TARGET], b.tokens[IS_TARGET], atol=1e-6)
    assert torch.allclose(a.latent, b.latent, atol=1e-6)


def test_without_latent_nothing_is_left_of_it():
    predictor = Predictor(16, small_config().predictor, with_latent=False)
    assert not [name for name, _ in predictor.named_parameters() if "latent" in name]
