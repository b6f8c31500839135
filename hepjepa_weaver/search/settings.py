"""The options behind the words of a plan, presets and defaults expanded: what a setting is."""

import shlex
from collections.abc import Mapping
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.config import FinetuneConfig, JepaConfig, MpmConfig, PretrainingConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.config.run import RunConfig, WeaverOptions
from hepjepa_weaver.search.plan import Plan, Setting

CONFIGS: Mapping[str, type[PretrainingConfig]] = {"hepjepa_pretrain": JepaConfig, "mpm_pretrain": MpmConfig}
"""Of the network configs that pre-train."""


def pretraining_config(plan: Plan, setting: Setting, **options: str) -> PretrainingConfig:
    """What is pre-trained; `options` overrule the setting's."""
    words = options_in(plan.pretraining.weaver, setting.shared, setting.options)
    return config_from_options(CONFIGS[setting.network], {"size": plan.size, **words, **options})


def finetuning_config(plan: Plan, setting: Setting, recipe: str = "") -> FinetuneConfig:
    """What is fine-tuned with the words of a `recipe`."""
    words = options_in(setting.shared, plan.finetuning.weaver, recipe)
    return config_from_options(FinetuneConfig, {"size": plan.size, **words})


def options_in(*words: str) -> dict[str, Any]:
    """The `-o` options in words of a command line."""
    found: dict[str, Any] = {}
    for text in words:
        try:
            parts = shlex.split(text)
        except ValueError as error:
            raise UserError(f"{text!r} is no command line: {error}") from error
        places = [place for place, word in enumerate(parts[:-2]) if word == "-o"]
        found |= {parts[place + 1]: value_or_text(parts[place + 2]) for place in places}
    return found


def as_text(config: PretrainingConfig | FinetuneConfig) -> str:
    """Every option but seed and weaver's own, with its value."""
    parts = [part for part in vars(config).values() if not isinstance(part, (RunConfig, WeaverOptions))]
    return "; ".join(f"{name} {value}" for part in parts for name, value in vars(part).items())
