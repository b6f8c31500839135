"""One token at a time with kept keys and values, against all tokens at once, in double precision."""

import pytest
import torch

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.config import EncoderConfig
from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.model.encoder import ParTEncoder
from hepjepa_weaver.particle_transformer.bias import causal_bias
from hepjepa_weaver.particle_transformer.blocks import transform
from hepjepa_weaver.particle_transformer.cache import LayerCache, transform_next
from hepjepa_weaver.particle_transformer.stepwise import StepwiseEncoder
from hepjepa_weaver.weaver_api.networks import Block
from tests.helpers.networks import SMALL_ENCODER
from tests.helpers.toy_jets import random_jets

LENGTH = 9
JETS = random_jets([LENGTH] * 4)
DOUBLE = Jets(JETS.points.double(), JETS.features.double(), JETS.vectors.double(), JETS.is_real, JETS.num_real)


def away_from_start(module: torch.nn.Module) -> torch.nn.Module:
    """Scales of 1 and shifts of 0 would hide mistakes."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module.double().eval()


def new_encoder(registers: int, pair_bias: bool) -> ParTEncoder:
    torch.manual_seed(0)
    config = EncoderConfig(**{**SMALL_ENCODER, "pair_bias": pair_bias})
    encoder = ParTEncoder(17, config, WeaverOptions(), num_registers=registers)
    encoder.train()(random_jets([30, 20]))  # statistics of BatchNorm
    return away_from_start(encoder)


@pytest.mark.parametrize("heads_in_bias", [0, 1, 4])
def test_a_block_one_token_at_a_time_is_the_block_with_a_causal_mask(heads_in_bias):
    torch.manual_seed(0)
    block = away_from_start(Block(embed_dim=16, num_heads=4, dropout=0.1, attn_dropout=0.1, activation_dropout=0.1))
    x = torch.randn(3, LENGTH, 16).double()
    bias = torch.randn(3, max(heads_in_bias, 1), LENGTH, LENGTH).double() * (heads_in_bias > 0)
    cache = LayerCache.empty(block, 3, LENGTH, x)
    with torch.no_grad():
        whole = transform(block, x, bias + causal_bias(LENGTH).double())
        for place in range(LENGTH):
            row = bias[:, :, place : place + 1, : place + 1] if heads_in_bias else None
            token = transform_next(block, x[:, place : place + 1], cache, row)
            assert torch.allclose(token[:, 0], whole[:, place], rtol=0, atol=1e-12)


def test_several_tokens_of_the_start_are_added_at_once():
    torch.manual_seed(0)
    block = away_from_start(Block(embed_dim=16, num_heads=4))
    x = torch.randn(3, LENGTH, 16).double()
    cache = LayerCache.empty(block, 3, LENGTH, x)
    with torch.no_grad():
        start = transform_next(block, x[:, :3], cache)  # among themselves without a mask, as registers
        assert torch.allclose(start, transform(block, x[:, :3], torch.zeros(3, 1, 3, 3).double()), atol=1e-12)
    assert cache.length == 3


def test_a_cache_keeps_the_jets_that_go_on():
    torch.manual_seed(0)
    block = away_from_start(Block(embed_dim=16, num_heads=4))
    x = torch.randn(3, 2, 16).double()
    whole, some = (LayerCache.empty(block, 3, 2, x) for _ in range(2))
    kept = torch.tensor([2, 0])
    with torch.no_grad():
        for cache in (whole, some):
            transform_next(block, x[:, :1], cache)
        some.keep(kept)
        last = transform_next(block, x[:, 1:], whole)
        assert torch.equal(transform_next(block, x[kept, 1:], some), last[kept])


@pytest.mark.parametrize("registers", [0, 3])
@pytest.mark.parametrize("pair_bias", [True, False])
def test_an_encoder_one_particle_at_a_time_is_the_encoder_with_a_causal_mask(registers, pair_bias):
    encoder = new_encoder(registers, pair_bias)
    with torch.no_grad():
        whole = encoder(DOUBLE, attention_bias=causal_bias(LENGTH)).tokens
        steps = StepwiseEncoder(encoder.mod, encoder.register_token, 4, LENGTH)
        jets = torch.arange(4)
        for place in range(LENGTH):
            if place in (3, 6):
                kept = torch.tensor([2, 0, 1][: 3 if place == 3 else 2])
                steps.keep(kept)
                jets = jets[kept]
            features, vectors = (x[jets][..., place : place + 1] for x in (DOUBLE.features, DOUBLE.vectors))
            found = steps.next_particle(features, vectors)
            assert torch.allclose(found[:, 0], whole[jets, place], rtol=0, atol=1e-9), place
    assert whole.std() > 0.1


def test_registers_and_pairs_matter_to_it():
    found = []
    for registers, pair_bias in ((0, True), (3, True), (3, False)):
        encoder = new_encoder(registers, pair_bias)
        with torch.no_grad():
            steps = StepwiseEncoder(encoder.mod, encoder.register_token, 4, LENGTH)
            for place in range(3):
                last = steps.next_particle(
                    DOUBLE.features[..., place : place + 1], DOUBLE.vectors[..., place : place + 1]
                )
        found.append(last)
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    assert not torch.allclose(found[1], found[2], atol=1e-3)
