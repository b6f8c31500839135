import pytest
import torch

from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.model.encoder import ParTEncoder
from tests.helpers.networks import small_config
from tests.helpers.symmetry import padded, permuted
from tests.helpers.toy_jets import random_jets

MULTIPLICITIES = [1, 2, 3, 17, 40]


def small_encoder(with_latent: bool = True, num_registers: int = 0) -> ParTEncoder:
    torch.manual_seed(0)
    encoder = ParTEncoder(17, small_config().encoder, WeaverOptions(), with_latent, num_registers)
    encoder.train()(random_jets([30] * 16, seed=9))  # BatchNorm statistics of jets instead of 0 and 1
    return encoder.eval()


def test_shapes():
    encoded = small_encoder()(random_jets(MULTIPLICITIES))
    assert encoded.tokens.shape == (5, 40, 16)
    assert encoded.latent.shape == encoded.mean_token().shape == (5, 16)


def test_tokens_follow_a_permutation_and_the_jet_does_not_notice():
    jets = random_jets(MULTIPLICITIES)
    moved, order = permuted(jets)
    encoder = small_encoder()
    original, other = encoder(jets), encoder(moved)
    expected = original.tokens.gather(1, order.unsqueeze(2).expand_as(original.tokens))
    assert torch.allclose(other.tokens[moved.is_real], expected[moved.is_real], atol=1e-5)
    assert torch.allclose(other.latent, original.latent, atol=1e-5)
    assert torch.allclose(other.mean_token(), original.mean_token(), atol=1e-5)


@pytest.mark.parametrize("num_registers", [0, 3])
@pytest.mark.parametrize("wrap", [False, True])
def test_padding_does_not_matter(wrap, num_registers):
    jets = random_jets(MULTIPLICITIES)
    encoder = small_encoder(num_registers=num_registers)
    original, other = encoder(jets), encoder(padded(jets, 9, wrap))
    assert torch.allclose(other.tokens[:, :40][jets.is_real], original.tokens[jets.is_real], atol=1e-5)
    assert torch.allclose(other.latent, original.latent, atol=1e-5)
    assert torch.allclose(other.mean_token(), original.mean_token(), atol=1e-5)


def test_a_jet_does_not_depend_on_its_neighbours_in_the_batch():
    encoder = small_encoder()
    batch, alone = random_jets(MULTIPLICITIES), random_jets(MULTIPLICITIES)
    for name in ("points", "features", "vectors", "is_real", "num_real"):
        object.__setattr__(alone, name, getattr(alone, name)[3:4])
    assert torch.allclose(encoder(batch).latent[3:4], encoder(alone).latent, atol=1e-5)


def test_registers_change_the_tokens():
    plain, other = small_encoder(), small_encoder(num_registers=3)
    with torch.no_grad():
        other.register_token.add_(1.0)
    other.mod.load_state_dict(plain.mod.state_dict())
    jets = random_jets(MULTIPLICITIES)
    assert not torch.allclose(plain(jets).tokens, other(jets).tokens, atol=1e-3)


def test_without_layer_scale_the_scales_of_the_particle_blocks_are_fixed():
    encoder = ParTEncoder(17, small_config(layer_scale=False).encoder, WeaverOptions())
    fixed = {name for name, parameter in encoder.named_parameters() if not parameter.requires_grad}
    assert fixed == {f"mod.blocks.{block}.{scale}" for block in (0, 1) for scale in ("c_attn", "w_resid")}


def test_without_latent_the_class_blocks_are_frozen_but_kept():
    encoder = small_encoder(with_latent=False)
    assert encoder(random_jets([3])).latent is None
    frozen = {name.split(".")[1] for name, p in encoder.named_parameters() if not p.requires_grad}
    assert frozen == {"cls_token", "cls_blocks", "norm"}
    assert encoder.state_dict().keys() == small_encoder().state_dict().keys()
