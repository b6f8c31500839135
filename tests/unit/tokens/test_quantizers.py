import math

import pytest
import torch

from hepjepa_weaver.tokens.quantizers import Quantizer, new_quantizer
from tests.helpers.tokens import tokenizer_options

KINDS = [
    ("vector", 64, ()),
    ("vector", 1000, ()),
    ("finite_scalar", 64, ()),
    ("finite_scalar", 8192, ()),
    ("finite_scalar", 240, (8, 6, 5)),
    ("residual", 64, ()),
    ("residual", 8192, ()),
    ("residual", 105, (7, 5, 3)),
]


def quantizer_of(kind: str, codes: int, levels: tuple[int, ...], **options) -> Quantizer:
    torch.manual_seed(0)
    config = tokenizer_options(quantizer=kind, codes=codes, levels=levels, latent_dim=3, **options)
    assert math.prod(config.levels) == codes
    return new_quantizer(config.quantizer, config.levels)


def latent_for(quantizer: Quantizer, number: int = 400) -> torch.Tensor:
    return torch.randn(number, quantizer.dim, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("kind", "codes", "levels"), KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_codes_are_in_range_and_give_their_vectors_back(kind, codes, levels, training):
    quantizer = quantizer_of(kind, codes, levels, dead_below=0.0)
    latent = latent_for(quantizer)
    quantizer.train()(latent)
    quantizer.train(training)
    before = quantizer.vectors(torch.arange(codes))
    assert before.shape == (codes, quantizer.dim)
    found = quantizer(latent)
    assert found.codes.dtype == torch.long
    assert found.codes.min() >= 0
    assert found.codes.max() < codes
    assert len(found.codes.unique()) > 10
    assert torch.allclose(before[found.codes], found.latent, atol=1e-5)
    assert torch.equal(
        quantizer.eval().vectors(found.codes.view(4, 100)), quantizer.vectors(found.codes).view(4, 100, -1)
    )


@pytest.mark.parametrize("codes", [64, 128, 1024, 8192, 32768])
def test_every_code_of_finite_scalars_is_the_code_of_its_own_vector(codes):
    quantizer = quantizer_of("finite_scalar", codes, ()).eval()
    vectors = quantizer.vectors(torch.arange(codes))
    assert len(vectors.unique(dim=0)) == codes
    assert quantizer(3 * torch.randn(5000, quantizer.dim)).codes.max() > 0.9 * codes
    # Levels are where tanh of a latent value is rounded to: search them, component by component.
    grid = torch.linspace(-6, 6, 2001).unsqueeze(1).expand(-1, quantizer.dim)
    reached = quantizer(grid).latent
    for place in range(quantizer.dim):
        assert torch.allclose(reached[:, place].unique(), vectors[:, place].unique(), atol=1e-6)


@pytest.mark.parametrize(("kind", "codes", "levels"), KINDS)
def test_gradients_pass_straight_through(kind, codes, levels):
    quantizer = quantizer_of(kind, codes, levels, rotation_trick=False).train()
    latent = latent_for(quantizer).requires_grad_()
    quantizer(latent.detach())
    found = quantizer(latent)
    weight = torch.randn_like(found.latent)
    (found.latent * weight).sum().backward()
    if kind == "finite_scalar":
        assert (latent.grad.sign() == weight.sign())[latent.grad != 0].all()
        assert (latent.grad != 0).float().mean() > 0.99
    else:
        assert torch.allclose(latent.grad, weight, atol=1e-5)


@pytest.mark.parametrize(("kind", "levels"), [("vector", (64,)), ("residual", (16, 4))])
def test_rotated_gradients_have_the_ratio_of_lengths(kind, levels):
    quantizer = quantizer_of(kind, 64, levels).train()
    latent = latent_for(quantizer).requires_grad_()
    quantizer(latent.detach())
    quantizer(latent.detach() + 0.1)  # away from particles that are codes themselves
    found = quantizer(latent)
    weight = torch.randn_like(found.latent)
    (found.latent * weight).sum().backward()
    ratio = found.latent.detach().norm(dim=1) / latent.detach().norm(dim=1)
    assert torch.allclose(latent.grad.norm(dim=1), ratio * weight.norm(dim=1), rtol=1e-3)


def test_the_loss_is_the_weighted_distance_and_moves_only_what_it_should():
    for update, is_moved in (("ema", False), ("gradient", True)):
        quantizer = quantizer_of("vector", 64, (), codebook_update=update, commitment=0.75, dead_below=0.0).train()
        latent = latent_for(quantizer).requires_grad_()
        quantizer(latent.detach())
        before = quantizer.books[0].vectors.detach().clone()
        found = quantizer(latent)
        distance = (latent.detach() - before[found.codes]).square().mean()
        assert found.loss.item() == pytest.approx(float(distance) * (1.0 if is_moved else 0.75), rel=1e-4)
        found.loss.backward()
        wanted = 0.75 * 2 * (latent.detach() - before[found.codes]) / latent.numel()
        assert torch.allclose(latent.grad, wanted, atol=1e-6)
        if is_moved:
            assert quantizer.books[0].vectors.grad.abs().sum() > 0


def test_residual_codebooks_quantize_what_is_left_over():
    quantizer = quantizer_of("residual", 256, (16, 16), dead_below=0.0).train()
    latent = latent_for(quantizer)
    for _ in range(20):
        quantizer(latent)
    quantizer.eval()
    first = quantizer.books[0].vectors[quantizer(latent).codes // 16]
    both = quantizer(latent).latent
    assert (latent - both).square().mean() < 0.6 * (latent - first).square().mean()


def test_only_latent_vectors_of_a_training_are_learned_from():
    quantizer = quantizer_of("vector", 64, ())
    assert not quantizer.has_learned()
    quantizer.eval()(latent_for(quantizer))
    assert not quantizer.has_learned()
    quantizer.train()(latent_for(quantizer))
    assert quantizer.has_learned()
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer.eval()(latent_for(quantizer) + 1)
    assert all(torch.equal(value, before[name]) for name, value in quantizer.state_dict().items())


def test_without_particles_there_is_no_loss():
    quantizer = quantizer_of("vector", 64, ()).train()
    found = quantizer(latent_for(quantizer)[:0].requires_grad_())
    assert found.loss == 0
    assert len(found.codes) == 0
