"""The fast forward pass against weaver's own: same inputs, same weights."""

from typing import Any

import pytest
import torch
from speed.contenders import use_weavers_forward
from torch import Tensor, nn
from weaver.nn.model.ParticleTransformer import ParticleTransformer

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.model.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.particle_transformer import groups
from tests.helpers.networks import SMALL_ENCODER, small_config, small_jepa, small_loss
from tests.helpers.toy_jets import random_jets

MULTIPLICITIES = [1, 2, 3, 17, 40, 25]
NO_DROPOUT = {"dropout": 0, "attn_dropout": 0, "activation_dropout": 0}
WITHOUT_DROPOUT = {"block_params": NO_DROPOUT, "cls_block_params": NO_DROPOUT}


def encoder_in_double(with_latent: bool = True, **options: Any) -> ParTEncoder:
    """In double precision, so that a difference in rounding cannot be taken for one in method, nor the reverse."""
    torch.manual_seed(0)
    encoder = ParTEncoder(17, small_config(dropout=0.0, **options).encoder, WeaverOptions(), with_latent).double()
    for parameter in encoder.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))  # scales of 1 and shifts of 0 would hide mistakes
    return encoder


def jets_in_double(seed: int = 0) -> Jets:
    jets = random_jets(MULTIPLICITIES, seed=seed)
    return Jets(jets.points.double(), jets.features.double(), jets.vectors.double(), jets.is_real, jets.num_real)


def loss_of(encoded: EncodedJets) -> Tensor:
    """Some function of all real tokens and of the latent."""
    tokens = encoded.tokens[encoded.is_real]
    loss = (tokens * torch.arange(tokens.size(1))).sin().sum()
    return loss if encoded.latent is None else loss + encoded.latent.square().sum() / 7 + encoded.latent[:, 0].sum()


@pytest.mark.parametrize("with_latent", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("floats", [1, 2**10, 2**30])
def test_embeddings_gradients_and_statistics_equal_weavers(monkeypatch, training, with_latent, floats):
    monkeypatch.setattr(groups, "CPU_GROUP_FLOATS", floats)
    jets = jets_in_double()
    results = []
    for forward in (ParTEncoder.forward, ParTEncoder.forward_plain):
        encoder = encoder_in_double(with_latent).train(training)
        encoded = forward(encoder, jets)
        loss_of(encoded).backward()
        gradients = {name: p.grad for name, p in encoder.named_parameters() if p.requires_grad}
        results.append((encoded, gradients, dict(encoder.named_buffers())))
    (fast, fast_gradients, fast_buffers), (plain, plain_gradients, plain_buffers) = results
    assert torch.allclose(fast.tokens[jets.is_real], plain.tokens[jets.is_real], rtol=0, atol=1e-9)
    if with_latent:
        assert torch.allclose(fast.latent, plain.latent, rtol=0, atol=1e-9)
    for name, gradient in plain_gradients.items():
        assert torch.allclose(fast_gradients[name], gradient, rtol=0, atol=1e-8), name
    for name, buffer in plain_buffers.items():
        assert torch.allclose(fast_buffers[name], buffer, rtol=0, atol=1e-9), name


@pytest.mark.parametrize("training", [True, False])
def test_without_the_last_activation_of_the_pairwise_term_the_jets_are_those_of_weavers_default(training):
    """Weaver's default, which Sophon's weights have: a ParT that weaver itself builds, with the same weights."""
    jets = jets_in_double()
    encoder = encoder_in_double(use_pre_activation_pair=True)
    stock = ParticleTransformer(17, pair_input_dim=4, fc_params=None, trim=False, **SMALL_ENCODER, **WITHOUT_DROPOUT)
    assert isinstance(stock.pair_embed.embed[-1], nn.BatchNorm1d)
    stock.double().load_state_dict(encoder.mod.state_dict())
    outputs, gradients = [], []
    for mod, forward in (
        (encoder.mod, lambda: encoder(jets).latent),
        (stock, lambda: stock(jets.features, v=jets.vectors, mask=jets.is_real.unsqueeze(1))),
    ):
        mod.train(training)
        outputs.append(forward())
        (outputs[-1] * torch.arange(16)).sin().sum().backward()
        gradients.append({name: p.grad for name, p in mod.named_parameters()})
    assert torch.allclose(*outputs, rtol=0, atol=1e-9)
    assert all(
        torch.allclose(gradient, gradients[1][name], rtol=0, atol=1e-8) for name, gradient in gradients[0].items()
    )
    for name, buffer in encoder.mod.named_buffers():
        assert torch.allclose(buffer, stock.get_buffer(name), rtol=0, atol=1e-9), name
    activated = encoder_in_double()
    activated.mod.load_state_dict(stock.state_dict())
    assert not torch.allclose(activated.train(training)(jets).latent, outputs[0], atol=1e-3)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("floats", [1, 2**30])
def test_without_the_last_activation_both_forward_passes_agree(monkeypatch, training, floats):
    monkeypatch.setattr(groups, "CPU_GROUP_FLOATS", floats)
    jets = jets_in_double()
    fast, plain = (encoder_in_double(use_pre_activation_pair=True).train(training) for _ in range(2))
    with torch.set_grad_enabled(training):
        one, other = fast(jets), plain.forward_plain(jets)
    assert torch.allclose(one.tokens[jets.is_real], other.tokens[jets.is_real], rtol=0, atol=1e-9)
    assert torch.allclose(one.latent, other.latent, rtol=0, atol=1e-9)
    for name, buffer in plain.named_buffers():
        assert torch.allclose(fast.get_buffer(name), buffer, rtol=0, atol=1e-9), name


def test_single_precision_without_gradient_equals_weavers():
    torch.manual_seed(0)
    encoder = ParTEncoder(17, small_config().encoder, WeaverOptions())
    jets = random_jets(MULTIPLICITIES)
    encoder.train()(jets)
    encoder.eval()
    with torch.no_grad():
        fast, plain = encoder(jets), encoder.forward_plain(jets)
    assert torch.allclose(fast.tokens[jets.is_real], plain.tokens[jets.is_real], atol=1e-4)
    assert torch.allclose(fast.latent, plain.latent, atol=1e-4)


def losses_of_training(plain: bool, steps: int = 50) -> list[float]:
    """Losses of HEP-JEPA's first steps, through the fast forward pass or weaver's."""
    model = small_jepa(ema_start=0.9, target_layers="last").train().double()
    if plain:
        use_weavers_forward(model)
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    loss, losses = small_loss(), []
    torch.manual_seed(1)
    for step in range(steps):
        jets = jets_in_double(seed=step % 5)
        opt.zero_grad()
        total = loss(model(jets.points, jets.features, jets.vectors, jets.is_real.unsqueeze(1))).total
        total.backward()
        opt.step()
        model.after_optimizer_step(step + 1, steps)
        losses.append(total.item())
    return losses


@pytest.mark.slow
def test_fifty_steps_of_training_have_the_losses_of_weavers_forward_pass():
    fast, plain = losses_of_training(plain=False), losses_of_training(plain=True)
    assert fast == pytest.approx(plain, abs=1e-5)
    assert fast[-1] < 0.9 * fast[0]
