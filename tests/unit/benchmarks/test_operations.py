"""Operations and bytes are those of a step that can be counted by hand."""

import pytest
import torch
from speed.operations import count_step
from torch import nn

from tests.helpers.networks import small_jepa, small_loss
from tests.helpers.toy_jets import random_jets, weaver_inputs


class Linear(nn.Module):
    """One linear layer, and a sum behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).sum()


def test_a_linear_layer_is_one_product_that_reads_and_writes_each_number_once():
    found = count_step(Linear().to("meta"), lambda total: total, [torch.empty(5, 3, device="meta")])
    layer, rest = found.parts["layer"], found.parts["rest of the forward pass"]
    assert (layer.operations, layer.bytes) == (1, 4 * (5 * 3 + 3 * 2 + 2 + 5 * 2))
    assert (rest.operations, rest.bytes) == (1, 4 * (5 * 2 + 1))
    assert found.total.operations == sum(found.kinds.values())
    assert found.parts["backward pass"].operations >= 3  # a product for the weights, a sum for the bias, and the start


@pytest.mark.parametrize("tokens", [{}, {"num_registers": 3}])
def test_less_is_read_and_written_without_padding(tokens):
    inputs = weaver_inputs(random_jets([60] + [5] * 31))
    moved = [*(x.to("meta") for x in inputs[:-1]), inputs[-1]]
    padded, packed = (
        count_step(small_jepa(layout=layout, **tokens).to("meta").train(), lambda o: small_loss()(o).total, moved)
        for layout in ("padded", "packed")
    )
    assert packed.total.bytes < 0.9 * padded.total.bytes
    assert {"context_encoder", "target_encoder", "predictor", "backward pass"} <= set(packed.parts)
