"""What is wrong with a plan, before it shows after hours."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from hepjepa_weaver.config import FinetuneConfig, JepaConfig, MpmConfig, PretrainingConfig
from hepjepa_weaver.errors import UserError
from hepjepa_weaver.hooks import value_or_word
from hepjepa_weaver.options import config_from_options
from hepjepa_weaver.search.plan import SCRATCH, Plan, Setting

CONFIGS: Mapping[str, type[PretrainingConfig]] = {"hepjepa_pretrain": JepaConfig, "mpm_pretrain": MpmConfig}
"""Of the network configs that pre-train."""
VIEWS = {f"{encoder}_{pooling}" for encoder in ("target", "context") for pooling in ("mean", "class")}


def check_plan(plan: Plan) -> None:
    """Raise a UserError that names the entry which cannot be run."""
    check_budget(plan)
    check_recipes(plan)
    for name, setting in plan.settings.items():
        if not re.fullmatch(r"[\w. +-]+", name):
            raise UserError(f"settings: {name!r} is to be a folder's name: letters, digits, blanks, . + and -")
        try:
            check_setting(plan, setting)
        except UserError as error:
            raise UserError(f"settings: {name}: {error}") from None


def check_budget(plan: Plan) -> None:
    """Pre-training: not one step, or growth where nothing is."""
    budget = plan.pretraining
    if budget.steps_per_epoch < 1:
        raise UserError("pretraining: jets_seen is less than one batch in each epoch")
    if not all(0 < epochs < budget.epochs for epochs in budget.growth):
        raise UserError(f"pretraining: growth has to lie between 1 and {budget.epochs - 1}")


def check_recipes(plan: Plan) -> None:
    """Fine-tuning: an unequal search effort, labels without passes, or words that are no options."""
    tuning = plan.finetuning
    if len(tuning.recipes) != len(tuning.scratch_recipes):
        raise UserError("finetuning: scratch has to get the same search effort: as many scratch_recipes as recipes")
    missing = set(tuning.labels) - set(tuning.passes)
    if missing:
        raise UserError(f"finetuning: passes has no entry for {', '.join(map(str, sorted(missing)))} labels")
    for recipe in (*tuning.recipes.values(), *tuning.scratch_recipes.values()):
        config_from_options(FinetuneConfig, options_in(tuning.weaver, recipe))


def check_setting(plan: Plan, setting: Setting) -> None:
    """An unknown network, options that it does not understand, or views that it does not have."""
    if not setting.seeds:
        raise UserError("seeds are none: give at least one")
    shared = {"size": plan.size, **options_in(setting.shared)}
    config_from_options(FinetuneConfig, shared)
    if setting.network == SCRATCH:
        if len(setting.seeds) > 1:
            raise UserError("nothing is pre-trained, and its fine-tuning has seeds of its own: one of seeds is enough")
        return
    if setting.network not in CONFIGS:
        raise UserError(f"network is {setting.network!r}, but there is {', '.join((*CONFIGS, SCRATCH))}")
    options = {"size": plan.size, **options_in(plan.pretraining.weaver, setting.shared, setting.options)}
    config_from_options(CONFIGS[setting.network], options)
    for view in setting.views:
        if view not in VIEWS:
            raise UserError(f"views are {', '.join(sorted(VIEWS))}, not {view!r}")
        encoder, pooling = view.split("_")
        view_options = {**options, "embedding": pooling, "embed_with": encoder}
        try:
            config_from_options(CONFIGS[setting.network], view_options)
        except UserError as error:
            raise UserError(f"view {view}: {error}") from None


def options_in(*words: str) -> dict[str, Any]:
    """The `-o` options in words of a command line."""
    found: dict[str, Any] = {}
    for text in words:
        try:
            parts = shlex.split(text)
        except ValueError as error:
            raise UserError(f"{text!r} is no command line: {error}") from error
        places = [place for place, word in enumerate(parts[:-2]) if word == "-o"]
        found |= {parts[place + 1]: value_or_word(parts[place + 2]) for place in places}
    return found
