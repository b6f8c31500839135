import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import (
    FinetuneConfig,
    JepaConfig,
    MpmConfig,
    OmnijetConfig,
    ParticleNetConfig,
    ParticleTransformerConfig,
)
from hepjepa_weaver.config.options import config_from_options


def test_no_options_give_the_defaults():
    assert config_from_options(JepaConfig, {}) == JepaConfig()


def test_options_reach_their_part():
    config = config_from_options(
        JepaConfig, {"target_ratio": [0.3, 0.5], "embed_dims": [64, 256, 64], "variance_weight": 0}
    )
    assert config.masking.target_ratio == (0.3, 0.5)
    assert config.encoder.embed_dims == (64, 256, 64)
    assert config.loss.variance_weight == 0.0


def test_nested_tuples_are_read():
    config = config_from_options(ParticleNetConfig, {"conv_params": [(7, [32, 32]), (7, [64])]})
    assert config.layers.conv_params == ((7, (32, 32)), (7, (64,)))


def test_what_weaver_adds_is_accepted():
    assert config_from_options(ParticleTransformerConfig, {"use_amp": True}).weaver.use_amp


def test_an_unknown_option_is_named_with_the_valid_ones():
    with pytest.raises(UserError, match=r"ema_strt.*ema_start \(float, default 0\.99\)"):
        config_from_options(JepaConfig, {"ema_strt": 0.3})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target_ratio", 0.3),
        ("target_ratio", (0.3, "0.5")),
        ("target_ratio", (0.5, 0.3)),
        ("context_ratio", (0.0, 1.0)),
        ("num_patches", 0),
        ("smear", -0.1),
        ("rotate", "yes"),
        ("split", 1.5),
        ("drop", 1.0),
        ("num_registers", -1),
        ("student_drops_identity", 2.0),
        ("drop_identity", -0.1),
        ("drop_displacement", 1.1),
        ("koleo_weight", -1.0),
        ("num_targets", 2.0),
        ("num_targets", True),
        ("num_targets", 0),
        ("mask_strategy", "balls"),
        ("embed_dims", 64),
        ("embed_dims", (64, "64")),
        ("embed_dims", ()),
        ("num_heads", 7),
        ("num_heads", 0),
        ("num_heads", -4),
        ("embed_dims", (0,)),
        ("pair_embed_dims", (8, 0)),
        ("predictor_dim", 0),
        ("num_cls_layers", 0),
        ("dropout", 1.0),
        ("predictor_heads", 3),
        ("predictor_layers", 0),
        ("ema_start", 1.1),
        ("ema_end", 2.0),
        ("event_weight", -1.0),
        ("smooth_l1_beta", 0.0),
        ("log_every", 0),
        ("probe_jets", 1),
        ("mask_token_knows", None),
    ],
)
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(UserError, match=rf"-o {name} is .*must be"):
        config_from_options(JepaConfig, {name: value})


def test_the_class_token_is_no_embedding_if_nothing_trains_it():
    with pytest.raises(UserError, match="embedding"):
        config_from_options(JepaConfig, {"embedding": "class", "event_weight": 0.0, "particle_weight": 1.0})


@pytest.mark.parametrize("value", [[(64, 0.1, 3)], [64], 64])
def test_a_head_is_pairs_of_width_and_dropout(value):
    with pytest.raises(UserError, match="fc_params"):
        config_from_options(FinetuneConfig, {"fc_params": value})


def test_a_context_that_is_turned_needs_something_that_turns():
    still = {"rotate": False, "reflect": False}
    with pytest.raises(UserError, match="turn_context is True, but must be False without"):
        config_from_options(JepaConfig, still)
    for allowed in ({"turn_context": False}, {"smear": 0.1}):
        config_from_options(JepaConfig, {**still, **allowed})


def test_masked_particle_modelling_has_no_target_encoder_to_embed_with():
    with pytest.raises(UserError, match="embed_with"):
        config_from_options(MpmConfig, {"embed_with": "target"})


@pytest.mark.parametrize("name", ["drop_identity", "drop_displacement"])
@pytest.mark.parametrize("kind", [MpmConfig, OmnijetConfig])
def test_features_that_are_predicted_are_not_dropped_from_the_target(kind, name):
    with pytest.raises(UserError, match=rf"-o {name} is 0\.3, but must be 0 for .*student_drops_"):
        config_from_options(kind, {name: 0.3})
    assert getattr(config_from_options(JepaConfig, {name: 0.3}).augment, name) == 0.3


@pytest.mark.parametrize("name", ["student_drops_identity", "student_drops_displacement"])
def test_without_a_masked_pass_there_is_no_student(name):
    with pytest.raises(UserError, match=rf"-o {name} is 0\.3, but must be 0 without masked_weight"):
        config_from_options(OmnijetConfig, {name: 0.3})
    assert getattr(config_from_options(OmnijetConfig, {name: 0.3, "preset": "joint"}).student, name) == 0.3
