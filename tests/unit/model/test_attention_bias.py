"""An attention bias from outside, as a causal mask: in the fast forward pass, in weaver's own and in ONNX."""

import onnxruntime
import pytest
import torch
from torch import nn

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.config import EncoderConfig
from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.model.encoder import ParTEncoder
from hepjepa_weaver.particle_transformer.bias import causal_bias
from tests.helpers.networks import SMALL_ENCODER
from tests.helpers.toy_jets import random_jets, weaver_inputs

MULTIPLICITIES = [1, 2, 7, 30, 12, 30]


def new_encoder(for_inference=False, registers=0, **options):
    torch.manual_seed(0)
    config = EncoderConfig(**{**SMALL_ENCODER, **options})
    return ParTEncoder(17, config, WeaverOptions(for_inference=for_inference), num_registers=registers).eval()


def with_other_last(jets, first_changed):
    """Features and momenta of all particles from slot `first_changed` on are others."""
    changed = {name: getattr(jets, name).clone() for name in ("features", "vectors")}
    for value in changed.values():
        value[..., first_changed:] = value[..., first_changed:].flip(0) * 1.3 + 0.1
    return Jets(jets.points, changed["features"], changed["vectors"], jets.is_real, jets.num_real)


@pytest.mark.parametrize("options", [{}, {"pair_bias": False}], ids=["pair bias", "no pair bias"])
@pytest.mark.parametrize("forward", ["forward", "forward_plain"])
def test_no_particle_sees_a_later_one(options, forward):
    encoder, jets = new_encoder(**options), random_jets([30] * 4)
    bias = causal_bias(30)
    before = getattr(encoder, forward)(jets, attention_bias=bias).tokens
    after = getattr(encoder, forward)(with_other_last(jets, 20), attention_bias=bias).tokens
    assert torch.allclose(before[:, :20], after[:, :20], atol=1e-6)
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-3)
    free = getattr(encoder, forward)(jets).tokens
    assert not torch.allclose(free[:, :20], before[:, :20], atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"pair_bias": False}], ids=["pair bias", "no pair bias"])
def test_both_forward_passes_agree(options):
    encoder, jets = new_encoder(**options), random_jets(MULTIPLICITIES)
    bias = causal_bias(jets.is_real.size(1))
    fast, plain = encoder(jets, attention_bias=bias), encoder.forward_plain(jets, attention_bias=bias)
    real = jets.is_real.unsqueeze(2)
    assert torch.allclose(fast.tokens * real, plain.tokens * real, atol=1e-5)
    assert torch.allclose(fast.latent, plain.latent, atol=1e-5)


def test_a_bias_of_each_jet_and_head_is_that_jets_and_heads_own():
    encoder, jets = new_encoder(), random_jets(MULTIPLICITIES)
    length = jets.is_real.size(1)
    bias = torch.randn(len(MULTIPLICITIES), 4, length, length)
    together = encoder(jets, attention_bias=bias).tokens
    for place, count in enumerate(MULTIPLICITIES):
        row = slice(place, place + 1)
        alone = Jets(jets.points[row], jets.features[row], jets.vectors[row], jets.is_real[row], jets.num_real[row])
        tokens = encoder(alone, attention_bias=bias[row]).tokens
        assert torch.allclose(together[row, :count], tokens[:, :count], atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"pair_bias": False}], ids=["pair bias", "no pair bias"])
def test_registers_let_no_particle_see_a_later_one(options):
    """With a mask they see each other only, as if they stood in front of the particles."""
    encoder, jets = new_encoder(registers=2, **options), random_jets([30] * 4)
    bias = causal_bias(30)
    before = encoder(jets, attention_bias=bias).tokens
    after = encoder(with_other_last(jets, 20), attention_bias=bias).tokens
    assert torch.allclose(before[:, :20], after[:, :20], atol=1e-6)
    assert not torch.allclose(before[:, 20:], after[:, 20:], atol=1e-3)
    with torch.no_grad():
        encoder.register_token.add_(torch.randn_like(encoder.register_token))
    assert not torch.allclose(before, encoder(jets, attention_bias=bias).tokens, atol=1e-3)


def test_no_bias_and_a_bias_of_zeros_are_the_same():
    encoder, jets = new_encoder(), random_jets(MULTIPLICITIES)
    zeros = torch.zeros(1, 1, *2 * (jets.is_real.size(1),))
    assert torch.equal(encoder(jets).tokens, encoder(jets, attention_bias=zeros).tokens)


class CausalEmbedding(nn.Module):
    """Tokens from weaver's inputs."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.reader = encoder, JetReader(REQUIRED_GROUPS, trim=False)

    def forward(self, *inputs):
        jets = self.reader(*inputs)
        return self.encoder(jets, attention_bias=causal_bias(jets.features.size(2), jets.features.device)).tokens


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_the_causal_mask_is_in_the_exported_network(tmp_path):
    module = CausalEmbedding(new_encoder(for_inference=True))
    torch.onnx.export(
        module, weaver_inputs(random_jets([5, 9])), str(tmp_path / "causal.onnx"), input_names=list(REQUIRED_GROUPS),
        output_names=["tokens"], dynamic_axes={name: {0: "N", 2: "P"} for name in REQUIRED_GROUPS}, opset_version=15,
        dynamo=False,
    )  # fmt: skip
    session = onnxruntime.InferenceSession(str(tmp_path / "causal.onnx"))
    jets = random_jets([17, 3, 30], seed=4)
    given = {name: value.numpy() for name, value in zip(REQUIRED_GROUPS, weaver_inputs(jets), strict=True)}
    (found,) = session.run([], given)
    wanted = new_encoder()(jets, attention_bias=causal_bias(30)).tokens
    real = jets.is_real.unsqueeze(2)
    assert torch.allclose(torch.from_numpy(found) * real, wanted * real, atol=1e-4)
