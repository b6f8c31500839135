from hepjepa_weaver.config import JepaConfig, ParticleNetConfig
from hepjepa_weaver.config.describe import describe_options, describe_presets
from hepjepa_weaver.config.presets import PRESETS


def test_an_option_is_described_with_type_default_range_and_source():
    by_name = {description.name: description for description in describe_options(JepaConfig)}
    beta = by_name["smooth_l1_beta"]
    assert (beta.type, beta.default, beta.range) == ("float", "1.0", "more than 0")
    assert "2301.08243" in beta.source
    assert by_name["ema_schedule"].type == "'linear' or 'cosine'"
    assert by_name["context_ratio"].default == "(0.4, 0.8)", "the default of this network, not of the part"


def test_what_weaver_sets_is_no_option():
    assert not {"for_inference", "use_amp"} & {description.name for description in describe_options(JepaConfig)}


def test_presets_tell_what_they_set():
    presets = {(preset.option, preset.name): preset.settings for preset in describe_presets(JepaConfig)}
    assert presets["preset", "paper"] == PRESETS["paper"]
    assert presets["size", "quick"]["num_layers"] == 3
    assert describe_presets(ParticleNetConfig) == []
