from typing import get_type_hints

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import (
    FinetuneConfig,
    JepaConfig,
    MpmConfig,
    OmnijetConfig,
    ParticleNetConfig,
    ParticleTransformerConfig,
    TokenizerConfig,
)
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.config.presets import PRESETS, SIZES
from hepjepa_weaver.objectives.masked.masking import mask_sizes


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("config_type", [JepaConfig, FinetuneConfig, ParticleTransformerConfig])
def test_every_preset_and_size_is_a_valid_config(preset, size, config_type):
    config_from_options(config_type, {"preset": preset, "size": size})


def test_all_that_a_preset_says_is_an_option_of_hep_jepa():
    for settings in PRESETS.values():
        config_from_options(JepaConfig, settings)


def test_all_that_a_size_says_is_an_option_of_pre_training_or_of_a_tokenizer():
    known = {
        name
        for config_type in (JepaConfig, OmnijetConfig, TokenizerConfig)
        for part in get_type_hints(config_type).values()
        for name in get_type_hints(part)
    }
    for settings in SIZES.values():
        assert set(settings) <= known


@pytest.mark.parametrize("preset", OmnijetConfig.own_presets())
@pytest.mark.parametrize("size", SIZES)
def test_every_own_preset_of_next_token_pre_training_is_a_valid_config(preset, size):
    config = config_from_options(OmnijetConfig, {"preset": preset, "size": size})
    assert config.next.backbone == ("ids" if preset == "paper" else "features")


def test_presets_of_another_network_are_not_known():
    with pytest.raises(UserError, match="'paper' or 'hybrid' or 'joint'"):
        config_from_options(OmnijetConfig, {"preset": "jp"})


def test_the_default_is_the_default():
    assert config_from_options(JepaConfig, {"preset": "default"}) == JepaConfig()
    assert config_from_options(JepaConfig, {"size": "mini"}) == JepaConfig()


def test_a_single_option_overrules_a_size_and_a_size_a_preset():
    config = config_from_options(JepaConfig, {"preset": "paper", "size": "quick", "num_heads": 2})
    assert config.tokens.tokens == "patches"
    assert config.encoder.num_layers == 3
    assert config.encoder.num_heads == 2


def test_a_network_takes_its_own_part_of_a_preset():
    assert config_from_options(FinetuneConfig, {"preset": "paper"}).tokens.num_registers == 8
    assert config_from_options(MpmConfig, {"preset": "v2"}).tokens.num_registers == 8  # a preset of its own


@pytest.mark.parametrize("kind", ["preset", "size"])
def test_an_unknown_name_is_refused(kind):
    with pytest.raises(UserError, match=rf"-o {kind} is 'papre', but must be"):
        config_from_options(JepaConfig, {kind: "papre"})


def test_a_network_without_such_options_does_not_know_them():
    with pytest.raises(UserError, match="unknown option -o size"):
        config_from_options(ParticleNetConfig, {"size": "mini"})


def test_the_options_shown_are_those_that_are_understood():
    with pytest.raises(UserError, match="valid options: conv_params"):
        config_from_options(ParticleNetConfig, {"epochs": 3})


def test_the_paper_preset_hides_half_of_its_patches():
    """As Point-JEPA does, whose four targets may overlap."""
    config = config_from_options(JepaConfig, {"preset": "paper"})
    torch.manual_seed(0)
    sizes = mask_sizes(torch.full((1000,), config.tokens.num_patches), config.masking)
    assert 0.45 < sizes.targets.sum(dim=1).float().mean() / config.tokens.num_patches < 0.55
    assert sizes.context.min() >= 3


def test_masked_particle_modelling_has_no_patches():
    with pytest.raises(UserError, match="tokens"):
        config_from_options(MpmConfig, {"tokens": "patches"})
    with pytest.raises(UserError, match="regression_weight"):
        config_from_options(JepaConfig, {"tokens": "patches", "regression_weight": 1.0})
