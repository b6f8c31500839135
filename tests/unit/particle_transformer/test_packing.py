"""Tokens without padding: nothing is lost on the way, and every network computes the same with them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hepjepa_weaver.particle_transformer.packing import packing_of
from hepjepa_weaver.runtime.compiled import Layout, compiled
from tests.helpers.compiler_warnings import compiler_may_warn
from tests.helpers.networks import small_classifier, small_jepa, small_loss, small_mpm
from tests.helpers.tokens import small_model, small_tokenizer
from tests.helpers.typed_jets import typed_jets

LENGTHS = [torch.tensor([3, 1, 0, 4]), torch.tensor([0, 2, 2, 1])]
WIDTHS = [4, 2]
CPU = torch.device("cpu")
JETS = typed_jets([3, 30, 17, 49, 1, 5], seed=4)


def padded(width: int = 3) -> Tensor:
    return torch.arange(4.0 * 6 * width).view(4, 6, width).double()


def test_tokens_stand_row_by_row_and_jet_by_jet():
    packing = packing_of(LENGTHS, WIDTHS, CPU)
    expected = [(jet, place) for jet, number in enumerate([3, 1, 0, 4]) for place in range(number)]
    expected += [(jet, 4 + place) for jet, number in enumerate([0, 2, 2, 1]) for place in range(number)]
    assert packing.pack(padded()).tolist() == [padded()[jet, place].tolist() for jet, place in expected]


def test_unpacked_tokens_are_where_they_were_and_padding_is_zero():
    packing, x = packing_of(LENGTHS, WIDTHS, CPU), padded() + 1
    found = packing.unpack(packing.pack(x))
    slots = torch.arange(6)
    of_first, of_second = (number.unsqueeze(1) for number in LENGTHS)
    is_token = (slots < of_first) | ((slots >= 4) & (slots < 4 + of_second))
    assert torch.equal(found, x * is_token.unsqueeze(2))


def test_gradients_are_those_of_differences():
    packing = packing_of(LENGTHS, WIDTHS, CPU)
    x = padded().requires_grad_()
    assert torch.autograd.gradcheck(packing.pack, x)
    assert torch.autograd.gradcheck(packing.unpack, packing.pack(x).detach().requires_grad_())


def test_batches_without_tokens_pass():
    packing = packing_of([torch.zeros(2, dtype=torch.long)], [3], CPU)
    assert packing.pack(torch.ones(2, 3, 5)).shape == (0, 5)
    assert torch.equal(packing.unpack(torch.ones(0, 5)), torch.zeros(2, 3, 5))


def loss_of_jepa(layout: Layout, **options: Any) -> tuple[nn.Module, Callable[[], Tensor]]:
    model, loss = small_jepa(layout=layout, **options).train().double(), small_loss(**options)
    return model, lambda: loss(model.pretext_task(in_double())).total


def loss_of_mpm(layout: Layout, **options: Any) -> tuple[nn.Module, Callable[[], Tensor]]:
    model = small_mpm(layout=layout, **options).train().double()
    return model, lambda: sum(model.pretext_task(in_double()).losses.values(), torch.zeros(()))


def loss_of_set_flow(layout: Layout) -> tuple[nn.Module, Callable[[], Tensor]]:
    """In single precision, as the values of flows are."""
    model = small_mpm(layout=layout, set_flow_weight=1.0, regression_weight=0.0).train()
    return model, lambda: model.pretext_task(JETS).losses["set_flow"]


def loss_of_hybrid(layout: Layout, **options: Any) -> tuple[nn.Module, Callable[[], Tensor]]:
    """In single precision, as codes are."""
    tokenizer = small_tokenizer(encoding="causal").requires_grad_(False)
    model = small_model(tokenizer, masked_weight=1.0, layout=layout, **options).train()

    def loss() -> Tensor:
        output = model.pretext_task(JETS)
        return output.next.entropy + output.masked.entropy

    return model, loss


def loss_of_classifier(layout: Layout, **options: Any) -> tuple[nn.Module, Callable[[], Tensor]]:
    torch.manual_seed(0)
    model = small_classifier(len(JETS.features[0]), layout=layout, dropout=0.0, **options).train().double()
    jets = in_double()
    inputs = (jets.points, jets.features, jets.vectors, jets.is_real.unsqueeze(1))
    return model, lambda: model(*inputs).square().sum()


def in_double() -> Any:
    return type(JETS)(JETS.points.double(), JETS.features.double(), JETS.vectors.double(), JETS.is_real, JETS.num_real)


@pytest.mark.parametrize(
    ("loss_of", "options"),
    [
        (loss_of_jepa, {}),
        (loss_of_jepa, {"loss_on": "all", "event_latent": "mean", "num_registers": 3, "predictor_layers": 2}),
        (loss_of_jepa, {"target_layers": "blocks_and_input", "num_registers": 2, "predictor_pair_bias": True}),
        (loss_of_jepa, {"tokens": "patches", "pair_bias": False}),
        (loss_of_jepa, {"particle_weight": 0.0, "composition_weight": 1.0, "predictor_layers": 2}),
        (loss_of_jepa, {"particle_weight": 0.0, "predictor_pair_bias": True}),
        (loss_of_mpm, {"mask_token_knows": "jet_rank"}),
        (loss_of_mpm, {"masked_input": "replaced", "pt_ranks": True, "num_registers": 2}),
        (loss_of_set_flow, {}),
        (loss_of_hybrid, {"num_registers": 2}),
        (loss_of_classifier, {}),
        (loss_of_classifier, {"pooling": "mean", "attention": "causal"}),
    ],
)
def test_loss_gradients_and_statistics_are_those_with_padding(loss_of, options):
    found = []
    for layout in ("padded", "packed"):
        model, loss = loss_of(layout, **options)
        torch.manual_seed(3)  # the same masks
        value = loss()
        value.backward()
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        found.append((value, gradients, dict(model.named_buffers())))
    (value, gradients, buffers), (packed_value, packed_gradients, packed_buffers) = found
    tolerance = {"rtol": 1e-8, "atol": 1e-9} if value.dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(packed_value, value, **tolerance)
    assert packed_gradients.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(packed_gradients[name], gradient, **tolerance, msg=name)
    for name, buffer in buffers.items():
        torch.testing.assert_close(packed_buffers[name], buffer, **tolerance, msg=name)


def test_a_jet_that_is_not_finite_spoils_no_other():
    model = small_jepa(layout="packed").eval()
    jets = typed_jets([3, 30, 17], seed=4)
    jets.features[1, 0, 2] = torch.nan
    assert model.embed(jets).isfinite().all(dim=1).tolist() == [True, False, True]


@pytest.fixture(params=["aot_eager", pytest.param("inductor", marks=pytest.mark.long)])
def compiler(monkeypatch, request):
    """PyTorch captures and differentiates the pieces; writing kernels for them takes a minute more."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=request.param))
    compiled.cache_clear()
    yield request.param
    compiled.cache_clear()


@pytest.mark.slow
@compiler_may_warn
def test_compiled_pieces_compute_the_same_and_are_compiled_once_for_all_lengths(compiler):
    moves = dict.fromkeys(("rotate", "reflect", "turn_context"), compiler == "aot_eager")  # kernels draw other numbers
    options = {"target_layers": "blocks_and_input", "num_registers": 2, "num_layers": 3, "predictor_layers": 3, **moves}
    number, found = [], []
    for layout in ("packed", "compiled"):
        model, loss = small_jepa(layout=layout, **options).train(), small_loss(**options)
        for jets in (JETS, typed_jets([40, 2, 25], seed=5), typed_jets([9, 50, 33, 12, 20], seed=6)):
            torch.manual_seed(3)
            total = loss(model.pretext_task(jets)).total
            total.backward()
            number.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        found.append((total, gradients, dict(model.named_buffers())))
    # Both encoders: tokens, bias, one block; mean over layers of the targets; the predictor's last block and another.
    pieces = 2 * 3 + 1 + 2 + moves["rotate"]
    assert number[2] + pieces == number[3] == number[4] == number[5]
    (total, gradients, buffers), (compiled_total, compiled_gradients, compiled_buffers) = found
    torch.testing.assert_close(compiled_total, total, rtol=1e-5, atol=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(compiled_gradients[name], gradient, rtol=1e-3, atol=1e-4, msg=name)
    for name, buffer in buffers.items():
        torch.testing.assert_close(compiled_buffers[name], buffer, rtol=1e-4, atol=1e-5, msg=name)
