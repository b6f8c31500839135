import pytest
import torch
import torch.nn.functional as F
from weaver.nn.model.ParticleTransformer import Block

from hepjepa_weaver.particle_transformer import blocks
from hepjepa_weaver.particle_transformer.bias import padding_bias
from hepjepa_weaver.particle_transformer.blocks import transform

X = torch.randn(3, 5, 16, dtype=torch.double, generator=torch.Generator().manual_seed(1))


def block_in_double() -> Block:
    torch.manual_seed(0)
    block = Block(embed_dim=16, num_heads=4, dropout=0, attn_dropout=0, activation_dropout=0).double()
    for parameter in block.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return block


@pytest.mark.parametrize("num_out", [None, 3])
@pytest.mark.parametrize("attention", ["cpu", "pytorch"])
@pytest.mark.parametrize("heads_in_bias", [1, 4])
def test_a_block_equals_weavers(monkeypatch, heads_in_bias, attention, num_out):
    if attention == "pytorch":  # as on a GPU
        monkeypatch.setattr(blocks, "attention_on_cpu", F.scaled_dot_product_attention)
    block = block_in_double()
    bias = torch.randn(3, heads_in_bias, 5, 5, dtype=torch.double)
    bias[1, ..., 3:] = -torch.inf
    expected = block(X, attn_mask=bias.expand(3, 4, 5, 5))[:, :num_out]
    assert torch.allclose(transform(block, X, bias, num_out), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_out", [None, 3])
def test_a_block_without_pair_bias_equals_weavers(num_out):
    block = block_in_double()
    is_real = torch.tensor([[True] * 5, [True, True, False, True, False], [False, True, True, True, True]])
    expected = block(X, padding_mask=~is_real)[:, :num_out]
    assert torch.allclose(transform(block, X, padding_bias(is_real, X.dtype), num_out), expected, rtol=0, atol=1e-12)
