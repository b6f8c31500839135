"""What is wrong with a plan, before it shows after hours."""

import re

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.search.plan import SCRATCH, Plan, Setting
from hepjepa_weaver.search.settings import CONFIGS, finetuning_config, pretraining_config
from hepjepa_weaver.studies.weaver_runs import VALIDATION_BATCH

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
    if min(budget.epochs, budget.batch_size) < 1:
        raise UserError("pretraining: epochs and batch_size have to be 1 or more")
    if budget.steps_per_epoch < 1:
        raise UserError("pretraining: jets_seen is less than one batch in each epoch")
    if not all(0 < epochs < budget.epochs for epochs in budget.growth):
        raise UserError(f"pretraining: growth has to lie between 1 and {budget.epochs - 1}")


def check_recipes(plan: Plan) -> None:
    """Fine-tuning: an unequal search effort, labels without passes, or validation jets that do not fill batches."""
    tuning = plan.finetuning
    if len(tuning.recipes) != len(tuning.scratch_recipes):
        raise UserError("finetuning: scratch has to get the same search effort: as many scratch_recipes as recipes")
    missing = set(tuning.labels) - set(tuning.passes)
    if missing:
        raise UserError(f"finetuning: passes has no entry for {', '.join(map(str, sorted(missing)))} labels")
    if tuning.batch_size < 1:
        raise UserError("finetuning: batch_size has to be 1 or more")
    if tuning.validation_jets < 1 or tuning.validation_jets % VALIDATION_BATCH:
        raise UserError(f"finetuning: validation_jets has to be a multiple of {VALIDATION_BATCH}")


def check_setting(plan: Plan, setting: Setting) -> None:
    """An unknown network, options that it does not understand, or views that it does not have."""
    if not setting.seeds:
        raise UserError("seeds are none: give at least one")
    is_scratch = setting.network == SCRATCH
    for recipe in (plan.finetuning.scratch_recipes if is_scratch else plan.finetuning.recipes).values():
        finetuning_config(plan, setting, recipe)
    if is_scratch:
        if len(setting.seeds) > 1:
            raise UserError("nothing is pre-trained, and its fine-tuning has seeds of its own: one of seeds is enough")
        if setting.options:
            raise UserError("nothing is pre-trained that options could change: give shared, or scratch_recipes")
        return
    if setting.network not in CONFIGS:
        raise UserError(f"network is {setting.network!r}, but there is {', '.join((*CONFIGS, SCRATCH))}")
    pretraining_config(plan, setting)
    for view in setting.views:
        if view not in VIEWS:
            raise UserError(f"views are {', '.join(sorted(VIEWS))}, not {view!r}")
        encoder, pooling = view.split("_")
        try:
            pretraining_config(plan, setting, embedding=pooling, embed_with=encoder)
        except UserError as error:
            raise UserError(f"view {view}: {error}") from None
