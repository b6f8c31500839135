import pytest
import torch
from torch import nn
from weaver.nn.model.ParticleTransformer import ParticleTransformer

from hepjepa_weaver.batch.augmentation import augmentation_of
from hepjepa_weaver.batch.jets import sorted_by_length
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.classifier import JetClassifier
from tests.helpers.data_configs import jetclass_config
from tests.helpers.messages import naming
from tests.helpers.networks import SMALL_ENCODER, finetune_config, small_classifier, small_jepa, small_mpm
from tests.helpers.symmetry import padded, permuted
from tests.helpers.toy_jets import random_jets, weaver_inputs

JETS = weaver_inputs(random_jets([1, 2, 3, 17, 40]))


class StockFinetune(nn.Module):
    """What the particle_transformer repository's fine-tuning config builds: ParT in `mod`, head in `fc`."""

    def __init__(self) -> None:
        super().__init__()
        self.mod = ParticleTransformer(
            input_dim=17, pair_input_dim=4, use_pre_activation_pair=False, fc_params=None, **SMALL_ENCODER
        )
        self.fc = nn.Sequential(nn.Linear(16, 10))

    def forward(self, _points, features, vectors, mask):
        return self.fc(self.mod(features, v=vectors, mask=mask))


def test_a_pretraining_checkpoint_gives_its_target_encoder():
    jepa, network = small_jepa(), small_classifier()
    with torch.no_grad():
        jepa.context_encoder.mod.cls_token.add_(1.0)
    missing, unexpected = network.load_state_dict(jepa.state_dict(), strict=False)
    assert missing == ["fc.0.weight", "fc.0.bias"]
    assert unexpected == []
    for name, weight in jepa.target_encoder.state_dict().items():
        assert torch.equal(network.state_dict()[name], weight)


@pytest.mark.parametrize("event_weight", [0.0, 1.0])
def test_the_target_encoder_fits_stock_part(event_weight):
    """As with weaver's `--load-model-weights file.pt:target_encoder`."""
    state = small_jepa(event_weight=event_weight).state_dict()
    encoder = {k.removeprefix("target_encoder."): v for k, v in state.items() if k.startswith("target_encoder.")}
    missing, unexpected = StockFinetune().load_state_dict(encoder, strict=False)
    assert missing == ["fc.0.weight", "fc.0.bias"]
    assert unexpected == []


def test_same_scores_as_stock_part_with_the_same_weights():
    network, stock = small_classifier().eval(), StockFinetune().eval()
    stock.load_state_dict(network.state_dict())
    assert torch.allclose(network(*JETS), stock(*JETS), atol=1e-6)


def test_a_finetuned_checkpoint_keeps_its_head_where_it_fits():
    first, second, wider = small_classifier(), small_classifier(), small_classifier(fc_params=((32, 0.1),))
    assert second.load_state_dict(first.state_dict(), strict=False).missing_keys == []
    assert torch.equal(first.eval()(*JETS), second.eval()(*JETS))
    assert "fc.0.0.weight" in wider.load_state_dict(first.state_dict(), strict=False).missing_keys


def test_its_own_checkpoint_is_loaded_strictly():
    first, second = small_classifier(), small_classifier()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(*JETS), second.eval()(*JETS))
    with pytest.raises(RuntimeError, match="Unexpected key"):
        second.load_state_dict(small_jepa().state_dict())


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"num_features": 7}, "17 features.*7 features"),
        ({"embed_dims": (32, 32, 16)}, r"\[16, 32, 16\].*\[32, 32, 16\]"),
        ({"pair_embed_dims": (8,)}, r"\[8, 8\].*\[8\]"),
        ({"num_heads": 2}, "4 heads.*2 heads"),
        ({"num_layers": 3}, "2 blocks.*3 blocks"),
        ({"num_cls_layers": 1}, "2 class blocks.*1 class blocks"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_and_both_are_named(options, wanted):
    with pytest.raises(UserError, match=wanted):
        small_classifier(**options).load_state_dict(small_jepa().state_dict(), strict=False)


@pytest.mark.parametrize("state", [{}, {"weight": torch.zeros(3)}])
def test_a_checkpoint_without_encoder_is_refused(state):
    with pytest.raises(UserError, match=naming("encoder")):
        small_classifier().load_state_dict(state, strict=False)


def test_a_missing_weight_is_named():
    state = small_jepa().state_dict()
    del state["target_encoder.mod.blocks.1.fc2.weight"]
    with pytest.raises(UserError, match=r"mod\.blocks\.1\.fc2\.weight"):
        small_classifier().load_state_dict(state, strict=False)


def test_training_from_random_weights_has_to_be_asked_for():
    with pytest.raises(UserError, match="from_scratch"):
        small_classifier().check_ready()
    small_classifier(from_scratch=True).check_ready()
    loaded = small_classifier()
    loaded.load_state_dict(small_jepa().state_dict(), strict=False)
    loaded.check_ready()


def test_a_frozen_encoder_does_not_change_in_training():
    network = small_classifier(freeze=True).train()
    before = {k: v.clone() for k, v in network.mod.state_dict().items()}
    opt = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=1.0)
    nn.functional.cross_entropy(network(*JETS), torch.arange(5)).backward()
    opt.step()
    assert all(torch.equal(before[k], v) for k, v in network.mod.state_dict().items())
    assert network.fc[0].weight.grad.any()
    assert torch.equal(network(*JETS), network(*JETS))  # no dropout in the encoder


def test_hidden_layers_of_the_head():
    network = small_classifier(fc_params=((32, 0.1), (8, 0.0)))
    assert [tuple(w.shape) for k, w in network.fc.state_dict().items() if "weight" in k] == [(32, 16), (8, 32), (10, 8)]


def test_probabilities_for_inference():
    network = small_classifier(for_inference=True).eval()
    network.reader.trim = False
    scores = network(*JETS)
    assert torch.allclose(scores.sum(dim=1), torch.ones(5))


def test_a_masked_particle_model_gives_its_encoder():
    mpm, network = small_mpm(), small_classifier()
    network.load_state_dict(mpm.state_dict(), strict=False)
    for name, weight in mpm.context_encoder.state_dict().items():
        assert torch.equal(network.state_dict()[name], weight)


@pytest.mark.parametrize(
    "options", [{"tokens": "patches", "num_patches": 4}, {"num_registers": 3}, {"pair_bias": False}]
)
def test_the_encoders_options_reach_fine_tuning(options):
    jepa, network = small_jepa(embedding="class", **options).eval(), small_classifier(**options).eval()
    missing, unexpected = network.load_state_dict(jepa.state_dict(), strict=False)
    assert [name for name in missing if not name.startswith("fc.")] == unexpected == []
    assert torch.allclose(network(*JETS), network.fc(jepa(*JETS)), atol=1e-5)
    with pytest.raises(UserError, match="--load-model-weights"):
        small_classifier().load_state_dict(jepa.state_dict(), strict=False)


@pytest.mark.parametrize("pooling", ["class_token", "mean", "class_attention"])
def test_scores_ignore_neighbours_order_and_padding(pooling):
    network, jets = small_classifier(pooling=pooling).eval(), random_jets([1, 2, 3, 17, 40])
    scores = network(*weaver_inputs(jets))
    for changed in (permuted(jets, padding_too=True)[0], padded(jets, 5, wrap=True)):
        assert torch.allclose(network(*weaver_inputs(changed)), scores, atol=1e-5)
    assert torch.allclose(network(*(group[2:3] for group in weaver_inputs(jets))), scores[2:3], atol=1e-5)


def test_mean_pooling_reads_the_mean_token():
    jepa, network = small_jepa(event_weight=0.0).eval(), small_classifier(pooling="mean").eval()
    network.load_state_dict(jepa.state_dict(), strict=False)
    assert torch.allclose(network(*JETS), network.fc(jepa(*JETS)), atol=1e-5)


def test_a_class_token_that_nothing_trained_is_no_frozen_embedding():
    weights = small_mpm().state_dict()
    with pytest.raises(UserError, match=naming("class token")):
        small_classifier(freeze=True).load_state_dict(weights, strict=False)
    for options in ({"freeze": True, "pooling": "mean"}, {}):
        small_classifier(**options).load_state_dict(weights, strict=False)
    weights["context_encoder.mod.norm.weight"] += 0.1
    small_classifier(freeze=True).load_state_dict(weights, strict=False)


def test_class_attention_starts_anew_and_belongs_to_the_head():
    jepa, network = small_jepa(), small_classifier(pooling="class_attention", freeze=True)
    fresh = network.mod.cls_blocks[0].fc1.weight.clone()
    network.load_state_dict(jepa.state_dict(), strict=False)
    assert torch.equal(network.mod.cls_blocks[0].fc1.weight, fresh)
    assert torch.equal(network.mod.blocks[0].fc1.weight, jepa.target_encoder.mod.blocks[0].fc1.weight)
    trained = {
        name.split(".")[0] + "." + name.split(".")[1] for name, p in network.named_parameters() if p.requires_grad
    }
    assert trained == {"fc.0", "mod.cls_token", "mod.cls_blocks", "mod.norm"}


@pytest.mark.parametrize("pooling", ["class_token", "mean", "class_attention"])
def test_the_head_is_trained_first_and_then_everything(pooling):
    network = small_classifier(pooling=pooling, head_epochs=2)
    everything = {name for name, p in network.named_parameters() if p.requires_grad}
    for epoch in (0, 1, 2):
        network.start_epoch(epoch)
        trained = {name for name, p in network.named_parameters() if p.requires_grad}
        assert trained == (network.head_names() if epoch < 2 else everything)
        network.train()
        assert network.mod.training is (epoch == 2)
        network.zero_grad()
        nn.functional.cross_entropy(network(*JETS), torch.arange(5)).backward()
        assert {name for name, p in network.named_parameters() if p.grad is not None} == trained


def test_what_was_frozen_before_the_head_first_epochs_stays_frozen():
    """The optimiser does not know it: its gradients would add up for the whole run."""
    network = small_classifier(head_epochs=1, layer_scale=False)
    before = {name for name, p in network.named_parameters() if p.requires_grad}
    for epoch in (0, 1, 2):
        network.start_epoch(epoch)
    assert {name for name, p in network.named_parameters() if p.requires_grad} == before
    assert not network.mod.blocks[0].c_attn.requires_grad


@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_without_blocks_the_head_sees_particles_one_by_one(layout):
    """The control of weak supervision that has no encoder."""
    options = {"num_layers": 0, "pair_bias": False, "pooling": "class_attention", "layout": layout}
    network, jets = small_classifier(**options).eval(), random_jets([5, 17])
    tokens = network._encoded(jets).tokens
    changed = random_jets([5, 17])
    changed.features[:, 0, 3] += 3
    others = torch.tensor([0, 1, 2, 4])
    moved = network._encoded(changed).tokens
    assert torch.allclose(moved[:, others], tokens[:, others], atol=1e-6)
    assert not torch.allclose(moved[:, 3], tokens[:, 3], atol=1e-2)
    scores = network(*weaver_inputs(jets))
    assert not torch.allclose(network(*weaver_inputs(changed)), scores, atol=1e-4)


@pytest.mark.parametrize(
    ("build", "options", "option"),
    [
        (small_jepa, {"num_layers": 0, "pair_bias": False}, "num_layers"),
        (small_mpm, {"num_layers": 0, "pair_bias": False}, "num_layers"),
        (small_classifier, {"num_layers": 0}, "pair_bias"),
    ],
)
def test_no_blocks_are_refused_where_something_needs_them(build, options, option):
    with pytest.raises(UserError, match=naming(option)):
        build(**options)


def test_jets_are_augmented_in_training_alone():
    """Turned jets have other scores; those of a rotation are the ones of jets turned before."""
    options = {"rotate": True, "dropout": 0.0, "pooling": "class_attention", "freeze": True, "from_scratch": True}
    torch.manual_seed(0)
    config = finetune_config(**options)
    augment = augmentation_of(jetclass_config("full"), config.augment)
    network = JetClassifier(JetReader(REQUIRED_GROUPS), 17, 10, config, augment)
    plain = network.eval()(*JETS)
    assert torch.equal(network(*JETS), plain)
    network.train()
    torch.manual_seed(3)
    scores = network(*JETS)
    assert not torch.allclose(scores, plain, atol=1e-4)
    torch.manual_seed(3)
    turned = network.augment(network.reader(*JETS))
    assert torch.allclose(network.fc(sorted_by_length(network.embed, turned)), scores, atol=1e-5)


def test_a_classifier_has_no_second_view():
    with pytest.raises(UserError, match=naming("turn_context")):
        finetune_config(rotate=True, turn_context=True)
