"""Options of a tokenizer that have to go together."""

import math

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import TokenizerConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.config.run import WeaverOptions
from tests.helpers.messages import naming


@pytest.mark.parametrize("codes", [64, 128, 512, 8192, 16384, 32768])
@pytest.mark.parametrize(
    ("options", "most"),
    [({}, 1), ({"quantizer": "residual"}, 2), ({"quantizer": "finite_scalar"}, 5), ({"encoding": "binned"}, 3)],
    ids=str,
)
def test_a_power_of_two_divides_by_itself(codes, options, most):
    levels = config_from_options(TokenizerConfig, {"codes": codes, **options}).levels
    assert math.prod(levels) == codes
    assert 1 <= len(levels) <= most
    assert list(levels) == sorted(levels, reverse=True)
    assert max(levels) <= 2 * min(levels)
    assert min(levels) > 3 or options.get("quantizer") != "finite_scalar"


def test_levels_are_taken_as_given():
    config = config_from_options(TokenizerConfig, {"codes": 120, "levels": (4, 5, 6), "encoding": "binned"})
    assert config.levels == (4, 5, 6)
    assert config_from_options(TokenizerConfig, {"codes": 1000}).levels == (1000,)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"codes": 63}, ("codes", 63)),
        ({"codes": 32769}, ("codes", 32769)),
        ({"codes": 1000, "quantizer": "residual"}, ("codes", 1000, "-o levels")),
        ({"codes": 1000, "levels": (10, 10)}, ("levels", 1000)),
        ({"codes": 64, "levels": (64, 1), "quantizer": "residual"}, ("levels",)),
        ({"codes": 64, "levels": (8, 8), "encoding": "binned"}, ("levels", "three")),
        ({"encoding": "binned", "token_features": "full"}, ("token_features", "kinematics")),
        ({"own_identity_code": True}, ("own_identity_code", "token_features")),
        ({"tokenizer_dim": 30, "tokenizer_heads": 4}, ("tokenizer_heads", 30)),
        ({"codebook_decay": 1.0}, ("codebook_decay",)),
        ({"commitment": 0.0}, ("commitment",)),
        ({"dead_below": -0.1}, ("dead_below",)),
        ({"encoding": "causual"}, ("encoding", "causual", "causal")),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_refused(options, wanted):
    with pytest.raises(UserError, match=naming(*wanted)):
        config_from_options(TokenizerConfig, options)


def test_levels_of_a_single_codebook_are_one_number():
    """Several would be a residual codebook under another name."""
    with pytest.raises(UserError, match=naming("levels")):
        config_from_options(TokenizerConfig, {"codes": 64, "levels": (8, 8), "quantizer": "vector"})


def test_a_tokenizer_is_not_exported():
    with pytest.raises(UserError, match=naming("--export-onnx")):
        TokenizerConfig(weaver=WeaverOptions(for_inference=True))
