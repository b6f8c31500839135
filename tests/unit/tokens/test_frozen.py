"""A trained tokenizer, built again from its checkpoint, or refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import TokenizerConfig
from hepjepa_weaver.config.options import config_of_saved
from hepjepa_weaver.model.made_with import inputs_of, read_made_with
from hepjepa_weaver.tokens.frozen import load_tokenizer
from tests.helpers.data_configs import COLUMNS, jetclass_config
from tests.helpers.messages import naming
from tests.helpers.networks import small_config, small_jepa
from tests.helpers.tokens import (
    SMALL_TOKENIZER,
    VARIANTS,
    model_options,
    saved,
    saved_tokenizer,
    small_model,
    tokenizer_options,
)
from tests.helpers.typed_jets import typed_jets

JETS = typed_jets([30, 3, 17])
INPUTS = {features: inputs_of(jetclass_config(features)) for features in ("kin", "full")}
QUANTIZERS = [{"quantizer": "finite_scalar"}, {"quantizer": "residual"}, {"quantizer": "residual", "levels": (32, 2)}]


def loaded(path: Path, features: str = "full"):
    return load_tokenizer(path, COLUMNS[features], INPUTS[features])


def with_other(group: str, change) -> dict:
    """The inputs of the full data config with a group changed."""
    inputs = json.loads(json.dumps(INPUTS["full"]))
    change(inputs[group])
    return inputs


@pytest.mark.parametrize("options", [*VARIANTS, *QUANTIZERS, {"encoding": "binned", "bin_edges": "uniform"}], ids=str)
def test_it_comes_back_from_a_file_frozen(tmp_path, options):
    path = saved_tokenizer(tmp_path / "net_state.pt", **options)
    tokenizer = loaded(path)
    assert tokenizer.config == replace(
        tokenizer_options(**options), weaver=tokenizer.config.weaver, run=tokenizer.config.run
    )
    assert not tokenizer.training
    assert not any(parameter.requires_grad for parameter in tokenizer.parameters())
    state = torch.load(path, weights_only=True)
    for name, value in tokenizer.state_dict().items():
        assert torch.equal(value, state[f"tokenizer.{name}"]), name
    again = loaded(path)
    assert torch.equal(tokenizer.codes(JETS), again.codes(JETS))
    assert len(tokenizer.codes(JETS).unique()) > 5


def test_a_codebook_moved_by_the_optimiser_comes_back(tmp_path):
    path = saved_tokenizer(tmp_path / "net_state.pt", encoding="causal", codebook_update="gradient")
    assert len(loaded(path).codes(JETS).unique()) > 5


@pytest.mark.parametrize("backbone", ["features", "ids"])
def test_a_network_that_holds_a_tokenizer_gives_it_back(tmp_path, backbone):
    own = saved_tokenizer(tmp_path / "own.pt", encoding="causal", codes=128, token_features="full")
    tokenizer = loaded(own)
    model = small_model(tokenizer, backbone=backbone)
    path = saved(model, model_options(backbone=backbone), tmp_path / "model.pt")
    found = loaded(path)
    assert found.config.quantizer.codes == 128
    assert found.config.particle.token_features == "full"
    assert torch.equal(found.codes(JETS), tokenizer.codes(JETS))
    assert "backbone" in read_made_with(path).options
    assert config_of_saved(TokenizerConfig, read_made_with(path, "tokenizer").options) == found.config


def test_kinematics_are_read_from_any_features(tmp_path):
    path = saved_tokenizer(tmp_path / "net_state.pt", features="kin", encoding="causal")
    jets = typed_jets([30, 3, 17])
    assert torch.equal(loaded(path, "full").codes(jets), loaded(path, "kin").codes(jets))


def test_a_checkpoint_without_tokenizer_is_refused(tmp_path):
    saved(small_jepa(), small_config(), tmp_path / "jepa.pt")
    with pytest.raises(UserError, match=naming("-o tokenizer", "jepa.pt", "jet_tokenizer.py")):
        loaded(tmp_path / "jepa.pt")


@pytest.mark.parametrize("name", ["", "nothing.pt"])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=naming("-o tokenizer")):
        load_tokenizer(tmp_path / name if name else "", COLUMNS["full"], INPUTS["full"])


def test_a_damaged_file_is_refused(tmp_path):
    path = saved_tokenizer(tmp_path / "net_state.pt", encoding="causal")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=naming("-o tokenizer", "damaged")):
        loaded(path)


def test_a_checkpoint_that_lacks_a_weight_is_refused(tmp_path):
    path = saved_tokenizer(tmp_path / "net_state.pt", encoding="causal")
    state = torch.load(path, weights_only=True)
    del state["tokenizer.decoder.project_out.weight"]
    torch.save(state, path)
    with pytest.raises(UserError, match=naming("1 weights are missing", "tokenizer.decoder.project_out.weight")):
        loaded(path)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    path = saved_tokenizer(tmp_path / "net_state.pt", encoding="causal")
    state = torch.load(path, weights_only=True)
    state["tokenizer.decoder.project_out.weight"][0, 0] = value
    torch.save(state, path)
    with pytest.raises(UserError, match=naming("net_state.pt", "1 weights", "tokenizer.decoder.project_out.weight")):
        loaded(path)


def test_another_standardisation_of_the_kinematics_is_told(tmp_path):
    path = saved_tokenizer(tmp_path / "net_state.pt", encoding="causal")

    def shift(variables):
        variables[0][1] = [0.5, 2, -5, 5]

    with pytest.raises(UserError, match=naming("pf_points", "another standardisation")):
        load_tokenizer(path, COLUMNS["full"], with_other("pf_points", shift))


@pytest.mark.parametrize("group", ["pf_points", "pf_vectors"])
def test_other_names_of_the_kinematics_are_refused(tmp_path, group):
    path = saved_tokenizer(tmp_path / "net_state.pt", encoding="causal")

    def rename(variables):
        variables[0][0] = "part_other"

    with pytest.raises(UserError, match=naming(group, "part_other")):
        load_tokenizer(path, COLUMNS["full"], with_other(group, rename))


@pytest.mark.parametrize("kept", ["kinematics", "full"])
def test_another_standardisation_of_a_feature_in_the_code_is_refused(tmp_path, kept):
    path = saved_tokenizer(tmp_path / "net_state.pt", encoding="causal", token_features=kept)

    def shift(variables):
        for variable in variables:
            if variable[0] == "part_d0err":
                variable[1] = [0.5, 2, -5, 5]

    inputs = with_other("pf_features", shift)
    if kept == "kinematics":
        load_tokenizer(path, COLUMNS["full"], inputs)
        return
    with pytest.raises(UserError, match=naming("standardisation", "part_d0err")):
        load_tokenizer(path, COLUMNS["full"], inputs)


def test_features_that_the_data_config_lacks_are_refused(tmp_path):
    path = saved_tokenizer(tmp_path / "net_state.pt", encoding="causal", token_features="full")
    with pytest.raises(UserError, match=naming("net_state.pt", "part_charge")):
        loaded(path, "kin")


@pytest.mark.parametrize("options", [{}, {"quantizer": "residual"}, {"encoding": "binned"}], ids=str)
def test_a_codebook_that_nothing_has_reached_is_refused(tmp_path, options):
    path = saved_tokenizer(tmp_path / "net_state.pt", steps=0, **options)
    with pytest.raises(UserError, match=naming("codebook", "train it")):
        loaded(path)


def test_options_of_the_tokenizer_alone_are_taken(tmp_path):
    made = read_made_with(saved_tokenizer(tmp_path / "net_state.pt", encoding="causal", log_every=7))
    config = config_of_saved(TokenizerConfig, made.options)
    assert config.encoding.tokenizer_dim == SMALL_TOKENIZER["tokenizer_dim"]
    assert config.encoding.encoding == "causal"
