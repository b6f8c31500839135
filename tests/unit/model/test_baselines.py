"""The shipped baselines are the particle_transformer repository's networks, to the letter of their state dicts."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from weaver.nn.model.ParticleNet import ParticleNet
from weaver.nn.model.ParticleTransformer import ParticleTransformer
from weaver.utils.data.config import DataConfig
from weaver.utils.import_tools import import_module

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import ParticleNetLayers
from tests.helpers.data_configs import REPOSITORY, jetclass_config
from tests.helpers.messages import naming
from tests.helpers.networks import SMALL_ENCODER
from tests.helpers.statistics import saved_statistics
from tests.helpers.toy_jets import LABELS, random_jets, weaver_inputs

FEATURES = {"kin": 7, "kinpid": 13, "full": 17}


def network_config(name: str):
    return import_module(str(REPOSITORY / f"network_configs/{name}.py"))


@pytest.mark.parametrize("features", FEATURES)
def test_part_is_weavers_with_the_repositorys_defaults(features):
    stock = ParticleTransformer(
        input_dim=FEATURES[features], num_classes=10, pair_input_dim=4, use_pre_activation_pair=False, fc_params=[]
    ).eval()
    model, _ = network_config("part").get_model(jetclass_config(features))
    model.mod.load_state_dict(stock.state_dict())
    points, x, v, mask = weaver_inputs(random_jets([1, 2, 3, 40], FEATURES[features]))
    assert torch.equal(model.eval()(points, x, v, mask), stock(x, v=v, mask=mask))
    dropouts = {name: m.p for name, m in model.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert dropouts == {f"mod.{name}": m.p for name, m in stock.named_modules() if isinstance(m, torch.nn.Dropout)}


@pytest.mark.parametrize("fast", [False, True])
def test_weights_of_sophon_give_its_scores(fast):
    """A ParT with Sophon's sizes, pairwise term and head (2405.12972), and its 188 classes."""
    stock = ParticleTransformer(
        input_dim=17, num_classes=188, pair_input_dim=4, use_pre_activation_pair=True, embed_dims=[128, 512, 128],
        pair_embed_dims=[64, 64, 64], num_heads=8, num_layers=6, num_cls_layers=2, fc_params=[(512, 0.1)],
    )  # fmt: skip
    for seed in range(2):  # statistics of BatchNorm as of jets
        _, x, v, mask = weaver_inputs(random_jets([5, 20, 40], seed=seed))
        stock.train()(x, v=v, mask=mask)
    data_config = DataConfig.load(str(REPOSITORY / "data_configs/JetClassII/JetClassII_full.yaml"))
    options = {"num_classes": 188, "num_layers": 6, "use_pre_activation_pair": True, "fc_params": ((512, 0.1),)}
    model, _ = network_config("part").get_model(data_config, fast=fast, **options)
    model.load_state_dict({f"mod.{name}": value for name, value in stock.state_dict().items()})
    points, x, v, mask = (group.double() for group in weaver_inputs(random_jets([1, 2, 3, 40])))
    scores = model.double().eval()(points, x, v, mask)
    torch.testing.assert_close(scores, stock.double().eval()(x, v=v, mask=mask), rtol=0, atol=1e-9)


@pytest.mark.parametrize("layout", ["padded", "packed"])
@pytest.mark.parametrize("training", [True, False])
def test_fast_part_has_scores_gradients_and_statistics_of_weavers(training, layout):
    """In training the trimmer draws lengths and orders; the same draws are the same jets."""
    found = []
    for options in ({}, {"fast": True, "layout": layout}):
        model, _ = network_config("part").get_model(
            jetclass_config("full"), seed=1, dropout=0.0, **SMALL_ENCODER, **options
        )
        model.double().train(training)
        torch.manual_seed(5)
        for step in range(8):  # weaver trims from the sixth batch on
            scores = model(*(x.double() for x in weaver_inputs(random_jets([1, 2, 40, 3, 17, 30], seed=step))))
        scores.square().sum().backward()
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        found.append((scores, gradients, dict(model.named_buffers())))
    (scores, gradients, buffers), (fast_scores, fast_gradients, fast_buffers) = found
    torch.testing.assert_close(fast_scores, scores, rtol=0, atol=1e-9)
    for name, gradient in gradients.items():
        torch.testing.assert_close(fast_gradients[name], gradient, rtol=1e-7, atol=1e-8, msg=name)
    for name, buffer in buffers.items():
        torch.testing.assert_close(fast_buffers[name], buffer, rtol=0, atol=1e-9, msg=name)


def test_fast_part_finds_particles_behind_padding():
    stock, fast = (
        network_config("part").get_model(jetclass_config("full"), seed=1, fast=is_fast, **SMALL_ENCODER)[0].eval()
        for is_fast in (False, True)
    )
    *groups, mask = weaver_inputs(random_jets([10, 20, 30]))
    mask[:, :, 3:6] = 0
    assert torch.allclose(fast(*groups, mask), stock(*groups, mask), atol=1e-5)


@pytest.mark.parametrize(("name", "options"), [("part", {}), ("part", {"fast": True}), ("particlenet", {})])
def test_baselines_augment_in_training_alone(name, options, monkeypatch):
    encoder = {} if name == "particlenet" else {**SMALL_ENCODER, "dropout": 0.0}
    model, _ = network_config(name).get_model(jetclass_config("full"), seed=1, rotate=True, **encoder, **options)
    inputs = weaver_inputs(random_jets([10, 20, 30]))
    seen = []
    monkeypatch.setattr(model, "augment", lambda jets: seen.append(jets) or jets)
    model.eval()(*inputs)
    assert not seen
    model.train()(*inputs)
    assert len(seen) == 1
    plain, _ = network_config(name).get_model(jetclass_config("full"), **encoder, **options)
    assert plain.augment is None


def test_a_layout_is_refused_where_weaver_computes():
    with pytest.raises(UserError, match=naming("layout", "fast")):
        network_config("part").get_model(jetclass_config("full"), layout="packed")


@pytest.mark.parametrize("features", FEATURES)
def test_particlenet_is_weavers_with_the_repositorys_defaults(features):
    channels = [(16, (64, 64, 64)), (16, (128, 128, 128)), (16, (256, 256, 256))]
    stock = ParticleNet(FEATURES[features], 10, channels, [(256, 0.1)], use_fusion=False).eval()
    model, _ = network_config("particlenet").get_model(jetclass_config(features))
    model.mod.load_state_dict(stock.state_dict())
    points, x, v, mask = weaver_inputs(random_jets([20, 40], FEATURES[features]))
    assert torch.equal(model.eval()(points, x, v, mask), stock(points, x, mask))


@pytest.mark.parametrize("option", ["use_fusion", "use_fts_bn", "use_counts"])
def test_particlenets_options_are_weavers(option):
    layers = ParticleNetLayers(conv_params=((4, (8,)),), fc_params=((8, 0.1),))
    config = replace(layers, **{option: not getattr(layers, option)})
    flags = {name: getattr(config, name) for name in ("use_fusion", "use_fts_bn", "use_counts")}
    stock = ParticleNet(17, 10, list(config.conv_params), list(config.fc_params), **flags)
    model, _ = network_config("particlenet").get_model(jetclass_config("full"), **vars(config))
    model.mod.load_state_dict(stock.state_dict())
    points, x, v, mask = weaver_inputs(random_jets([20, 40]))
    assert torch.equal(model.eval()(points, x, v, mask), stock.eval()(points, x, mask))


@pytest.mark.parametrize("name", ["hepjepa_pretrain", "mpm_pretrain", "hepjepa_finetune", "part", "particlenet"])
def test_a_seed_makes_the_same_network_again(name, tmp_path):
    options = {} if name == "particlenet" else {**SMALL_ENCODER}
    if name == "hepjepa_pretrain":
        options["particle_statistics"] = str(saved_statistics(tmp_path / "particles.pt"))
    first, again, other = (
        torch.cat(
            [
                p.flatten()
                for p in network_config(name).get_model(jetclass_config("full"), seed=seed, **options)[0].parameters()
            ]
        )
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("name", ["hepjepa_pretrain", "hepjepa_finetune", "part"])
def test_every_network_config_reads_every_data_config(name, features, tmp_path):
    data, options = jetclass_config(features), {**SMALL_ENCODER}
    if name == "hepjepa_pretrain":
        options["particle_statistics"] = str(saved_statistics(tmp_path / "particles.pt", features))
    model, info = network_config(name).get_model(data, **options)
    ones = [torch.ones(info["input_shapes"][key]) for key in info["input_names"]]
    assert model.eval()(*ones).shape == (1, 16 if name == "hepjepa_pretrain" else 10)


def test_class_order():
    assert jetclass_config("full").label_value == [f"label_{name}" for name in LABELS]


@pytest.mark.parametrize("features", FEATURES)
def test_features_end_with_the_position_and_only_the_mask_pads_with_zeros(features):
    config = jetclass_config(features)
    assert config.input_dicts["pf_features"][-2:] == ["part_deta", "part_dphi"]
    padding = {name: group["pad_mode"] for name, group in config.options["inputs"].items()}
    assert padding == {"pf_points": "wrap", "pf_features": "wrap", "pf_vectors": "wrap", "pf_mask": "constant"}
    assert {group["length"] for group in config.options["inputs"].values()} == {128}


def test_a_checkpoint_may_lack_the_head_but_nothing_else():
    model, _ = network_config("part").get_model(jetclass_config("full"), **SMALL_ENCODER)
    weights = model.state_dict()
    headless = {name: value for name, value in weights.items() if not name.startswith("mod.fc.")}
    assert model.load_state_dict(headless, strict=False).missing_keys == ["mod.fc.0.weight", "mod.fc.0.bias"]
    shallow = {name: value for name, value in weights.items() if not name.startswith("mod.blocks.1.")}
    with pytest.raises(UserError, match=r"mod\.blocks\.1\."):
        model.load_state_dict(shallow, strict=False)


def test_stock_part_has_no_registers():
    with pytest.raises(UserError, match=naming("-o", "num_registers")):
        network_config("part").get_model(jetclass_config("full"), num_registers=8)


@pytest.mark.parametrize("name", ["hepjepa_pretrain", "mpm_pretrain", "hepjepa_finetune", "part", "particlenet"])
def test_a_data_config_without_features_is_refused(name):
    config = SimpleNamespace(input_dicts={"other": ["a"]}, input_names=("other",), label_value=["a", "b"])
    with pytest.raises(UserError, match="pf_features"):
        network_config(name).get_model(config)
