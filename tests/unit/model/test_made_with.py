import copy
import json
from dataclasses import replace

import pytest
import torch
import yaml
from torch import nn
from weaver.utils.data.config import DataConfig

from hepjepa_weaver.config import FinetuneConfig, JepaConfig, ParticleNetConfig, TokenizerConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.model.made_with import MadeWith, describe, inputs_of, made_with, read_made_with
from tests.helpers.data_configs import REPOSITORY, jetclass_config
from tests.helpers.messages import names
from tests.helpers.networks import SMALL_ENCODER, small_classifier, small_jepa
from tests.helpers.toy_jets import LABELS

CLASSES = [f"label_{name}" for name in LABELS]


def classifier(**options):
    config = config_from_options(FinetuneConfig, {**SMALL_ENCODER, **options})
    return made_with(jetclass_config("full"), config, len(LABELS))


def pretrained(**options):
    return made_with(jetclass_config("full"), config_from_options(JepaConfig, options), None)


def changed_config(group="pf_features", change=lambda variables: variables, **changes):
    """JetClass's data config with another list of variables in a group."""
    options = yaml.safe_load((REPOSITORY / "data_configs/JetClass/JetClass_full.yaml").read_text()) | changes
    variables = options["inputs"][group]["vars"]
    options["inputs"][group]["vars"] = change(copy.deepcopy(variables))
    return DataConfig(print_info=False, **options)


def saved(network, folder):
    path = folder / "net.pt"
    torch.save(network.state_dict(), path)
    return path


# --- description ---


def test_a_description_tells_inputs_labels_and_options():
    found = classifier(num_registers=2)
    assert list(found.inputs) == ["pf_points", "pf_features", "pf_vectors"]
    assert found.inputs["pf_vectors"] == [[f"part_{name}", None] for name in ("px", "py", "pz", "energy")]
    assert found.inputs["pf_features"][0] == ["part_pt_log", [1.7, 0.7, -5, 5]]
    assert found.inputs["pf_features"][12] == ["part_d0err", [0, 1, 0, 1]]
    assert len(found.inputs["pf_features"]) == 17
    assert (found.labels, found.num_classes) == (CLASSES, 10)
    assert (found.options["num_registers"], found.options["num_heads"]) == (2, 4)
    assert found.options["embed_dims"] == [16, 32, 16]
    assert pretrained().num_classes is None


def test_what_weaver_passes_is_no_option_of_a_network():
    assert "for_inference" not in classifier().options
    assert "seed" in classifier().options


def test_every_kind_of_network_can_be_described():
    found = made_with(jetclass_config("kin"), config_from_options(ParticleNetConfig, {}), 10)
    assert found.options["conv_params"]
    assert len(found.inputs["pf_features"]) == 7


def test_vertices_are_inputs_too():
    data_config = DataConfig.load(str(REPOSITORY / "data_configs/CMS/pf_sv.yaml"))
    assert [name for name, _ in inputs_of(data_config)["sv_vectors"]] == ["sv_px", "sv_py", "sv_pz", "sv_energy"]


# --- checkpoints ---


@pytest.mark.parametrize("network", [small_classifier, small_jepa])
def test_a_description_survives_in_a_checkpoint_that_is_loaded_without_running_code(tmp_path, network):
    described, plain = network(), network()
    words = classifier(fc_params=((32, 0.1),))
    describe(described, words)
    path = saved(described, tmp_path)
    assert read_made_with(path) == described.made_with == words
    state = torch.load(path, weights_only=True)
    assert list(state) == list(plain.state_dict())
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    plain.load_state_dict(state)
    assert all(torch.equal(value, state[name]) for name, value in plain.state_dict().items())


def test_other_code_loads_a_checkpoint_as_before(tmp_path):
    described, other = nn.Linear(2, 3), nn.Linear(2, 3)
    describe(described, classifier())
    assert other.load_state_dict(torch.load(saved(described, tmp_path), weights_only=True)).missing_keys == []
    assert torch.equal(other.weight, described.weight)


def test_a_network_that_loads_a_checkpoint_keeps_its_own_description(tmp_path):
    first, second = nn.Linear(2, 3), nn.Linear(2, 3)
    describe(first, classifier(num_registers=1))
    describe(second, classifier(num_registers=2))
    second.load_state_dict(torch.load(saved(first, tmp_path), weights_only=True))
    assert read_made_with(saved(second, tmp_path)).options["num_registers"] == 2


def test_a_network_inside_another_one_takes_its_description_along(tmp_path):
    """As of a wrapped network, whose state dict is saved with a prefix."""
    network = nn.Linear(2, 3)
    describe(network, classifier())
    assert read_made_with(saved(nn.Sequential(nn.ReLU(), network), tmp_path)) == classifier()


def test_a_checkpoint_that_is_a_plain_dict_has_no_description(tmp_path):
    network = nn.Linear(2, 3)
    describe(network, classifier())
    torch.save(dict(network.state_dict()), tmp_path / "plain.pt")
    torch.save(nn.Linear(2, 3).state_dict(), tmp_path / "other.pt")
    assert read_made_with(tmp_path / "plain.pt") is None
    assert read_made_with(tmp_path / "other.pt") is None


@pytest.mark.parametrize("content", [b"", b"some text", b"PK\x03\x04" + bytes(200), "cut", "list", None])
def test_a_file_that_is_damaged_or_no_checkpoint_has_no_description(tmp_path, content):
    network = nn.Linear(20, 30)
    describe(network, classifier())
    path = saved(network, tmp_path)
    if content == "list":
        torch.save([1, 2], path)
    elif content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-300] if content == "cut" else content)
    assert read_made_with(path) is None


def test_a_description_by_a_newer_version_is_read_with_what_is_known(tmp_path):
    network = nn.Linear(2, 3)
    words = classifier()
    text = json.dumps({**vars(words), "colour": "blue"})
    network.register_state_dict_post_hook(lambda *given: given[3].update(hepjepa_weaver=text))
    assert read_made_with(saved(network, tmp_path)) == words


# --- differences ---


def test_equal_networks_have_no_differences():
    assert classifier().other_inputs(classifier().inputs) == ""
    assert classifier().other_labels(classifier()) == ""
    assert classifier().other_options(classifier(), is_same_network=True) == ""


def test_exchanged_variables_are_told_with_their_places():
    now = inputs_of(changed_config(change=lambda variables: [variables[1], variables[0], *variables[2:]]))
    found = classifier().other_inputs(now)
    assert names(found, "variable 1", "pf_features", "was part_pt_log", "is part_e_log")


def test_exchanged_momenta_are_told():
    now = inputs_of(changed_config("pf_vectors", lambda variables: [variables[3], *variables[:3]]))
    assert names(classifier().other_inputs(now), "variable 1", "pf_vectors", "was part_px", "is part_energy")


def test_another_number_of_variables_is_told():
    now = inputs_of(changed_config(change=lambda variables: variables[:-1]))
    assert names(classifier().other_inputs(now), "pf_features", "17", "16")
    assert names(classifier().other_inputs({}), "pf_points", "2", "0")


@pytest.mark.parametrize(
    ("standardisation", "now"),
    [([1.8, 0.7], "(1.8, 0.7, -5, 5)"), ([1.7, 0.8], "(1.7, 0.8, -5, 5)"), ([1.7, 0.7, -3], "(1.7, 0.7, -3, 5)"),
     ([1.7, 0.7, -5, 4], "(1.7, 0.7, -5, 4)"), ([None], "nothing")],
)  # fmt: skip
def test_a_changed_standardisation_is_told_with_its_numbers(standardisation, now):
    changed = changed_config(change=lambda variables: [["part_pt_log", *standardisation], *variables[1:]])
    found = classifier().other_inputs(inputs_of(changed))
    assert names(found, "part_pt_log was standardised by (1.7, 0.7, -5, 5) and is by", now)


def test_numbers_that_differ_by_rounding_are_the_same():
    close = changed_config(change=lambda variables: [["part_pt_log", 1.7 * (1 + 1e-8), 0.7], *variables[1:]])
    assert classifier().other_inputs(inputs_of(close)) == ""
    apart = changed_config(change=lambda variables: [["part_pt_log", 1.7 * (1 + 1e-4), 0.7], *variables[1:]])
    assert classifier().other_inputs(inputs_of(apart)) != ""


def test_exchanged_labels_are_told_in_both_orders():
    before, now = classifier(), replace(classifier(), labels=[CLASSES[1], CLASSES[0], *CLASSES[2:]])
    found = before.other_labels(now)
    assert "were label_QCD, label_Hbb, label_Hcc" in found
    assert "are label_Hbb, label_QCD, label_Hcc" in found


def test_labels_of_another_number_of_classes_or_of_a_pretraining_are_not_compared():
    fewer = replace(classifier(), labels=CLASSES[:3], num_classes=3)
    assert classifier().other_labels(fewer) == ""
    assert replace(pretrained(), labels=["other"]).other_labels(classifier()) == ""


def test_other_options_are_told_by_their_names():
    found = classifier(num_registers=3, pooling="mean").other_options(classifier(), is_same_network=True)
    assert names(found, "-o num_registers was 3 and is 0", "-o pooling was mean and is class_token")
    assert "num_layers" not in found


def test_options_that_start_weights_may_differ_in_are_not_told():
    found = classifier(num_registers=3, pooling="mean").other_options(classifier(), is_same_network=False)
    assert found == ""
    pre = pretrained(use_pre_activation_pair=True)
    assert pre.other_options(classifier(), is_same_network=False) == (
        "-o use_pre_activation_pair was True and is False"
    )


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("encoding", "causal", "conditional"), ("codes", 512, 8192), ("token_features", "full", "kinematics")],
)
def test_options_of_a_tokenizer_that_no_weight_tells_are_told(name, before, after):
    made = [
        made_with(jetclass_config("full"), config_from_options(TokenizerConfig, {name: value}), None)
        for value in (before, after)
    ]
    assert made[0].other_options(made[1], is_same_network=True) == f"-o {name} was {before} and is {after}"


def test_a_causal_classifier_is_not_taken_for_another():
    found = classifier(attention="causal").other_options(classifier(), is_same_network=True)
    assert found == "-o attention was causal and is full"


def test_options_of_the_training_do_not_change_the_network():
    assert classifier(seed=3, freeze=True).other_options(classifier(seed=4), is_same_network=True) == ""


def test_tuples_are_compared_as_a_checkpoint_gives_them_back(tmp_path):
    network = small_classifier()
    describe(network, classifier(embed_dims=(8, 16)))
    before = read_made_with(saved(network, tmp_path))
    assert before.other_options(classifier(embed_dims=(8, 16)), is_same_network=True) == ""
    assert "embed_dims was [8, 16] and is [16, 32, 16]" in before.other_options(classifier(), is_same_network=True)


def test_an_option_that_only_one_version_knows_is_not_compared():
    old = replace(classifier(), options={"pooling": "class_token"})
    assert isinstance(old, MadeWith)
    assert old.other_options(classifier(num_registers=2), is_same_network=True) == ""
