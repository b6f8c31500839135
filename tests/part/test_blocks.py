import pytest
import torch
from weaver.nn.model.ParticleTransformer import Block

from hepjepa_weaver.part.blocks import transform


@pytest.mark.parametrize("heads_in_bias", [1, 4])
def test_a_block_equals_weavers(heads_in_bias):
    torch.manual_seed(0)
    block = Block(embed_dim=16, num_heads=4, dropout=0, attn_dropout=0, activation_dropout=0).double()
    for parameter in block.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(3, 5, 16, dtype=torch.double)
    bias = torch.randn(3, heads_in_bias, 5, 5, dtype=torch.double)
    bias[1, ..., 3:] = -torch.inf
    expected = block(x, attn_mask=bias.expand(3, 4, 5, 5))
    assert torch.allclose(transform(block, x, bias), expected, atol=1e-12)
