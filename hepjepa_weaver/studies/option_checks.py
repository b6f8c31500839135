"""Checks that the networks of a plan understand its words; weaver would tell only when the training starts."""

from itertools import product

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies.planned_options import (
    method_config,
    options_of,
    pretraining_config,
    pretraining_words,
    pretrains,
    view_options,
    words_in,
)
from hepjepa_weaver.studies.planned_training import Pretraining
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_method import Method, Recipe

VIEWS = {f"{encoder}_{pooling}" for encoder in ("target", "context") for pooling in ("mean", "class")}


def check_options(plan: StudyPlan) -> None:
    """Check that every network of the plan understands its words.

    Raises:
        UserError: a network does not understand them; the message names the entry.
    """
    for name, pretraining in plan.pretrainings.items():
        try:
            check_pretraining_options(plan, pretraining)
        except UserError as error:
            raise UserError(f"pretrainings: {name}: {error}") from None
    for name, method in plan.methods.items():
        for setting, recipe in product(_starts(plan, method), method.tried):
            try:
                check_method_options(plan, method, setting, recipe)
            except UserError as error:
                raise UserError(f"methods: {name}: {error}") from None


def check_pretraining_options(plan: StudyPlan, setting: Pretraining) -> None:
    """Check the network, the options and the probed views of a setting of pre-training.

    Raises:
        UserError: the network is unknown or does not pre-train, or it has no such option or view.
    """
    options_of(setting.network)
    for text in (*pretraining_words(setting), setting.loader):
        words_in(text)
    config = pretraining_config(plan, setting)
    if not pretrains(setting.network) and not getattr(getattr(config, "tuning", None), "from_scratch", False):
        raise UserError(f"network is {setting.network!r}, which is none to pre-train; a supervised start is "
                        "hepjepa_finetune with -o from_scratch True")  # fmt: skip
    for view in setting.probes:
        if view not in VIEWS:
            raise UserError(f"probes are {', '.join(sorted(VIEWS))}, not {view!r}")
        try:
            pretraining_config(plan, setting, **view_options(setting, view))
        except UserError as error:
            raise UserError(f"probe {view}: {error}") from None


def check_method_options(plan: StudyPlan, method: Method, setting: Pretraining | None, recipe: Recipe) -> None:
    """Check the network and the options of a method, started from a setting of pre-training, with one recipe.

    Raises:
        UserError: the network is unknown or pre-trains, or it has no such option. It is also raised if the recipe gives
            no learning rate, or if there is nothing to start from.
    """
    if "--start-lr" not in words_in(recipe.words):
        raise UserError(f"recipe {recipe.name}: give its learning rate, --start-lr")
    config = method_config(plan, method, setting, recipe.words)
    if config is not None and pretrains(method.network):
        raise UserError(f"network is {method.network!r}, which pre-trains and has no labels to learn from")
    starts_somewhere = setting is not None or getattr(getattr(config, "tuning", None), "from_scratch", True)
    if not starts_somewhere:
        raise UserError(f"{method.network} starts from nothing: give a pretraining, or -o from_scratch True")


def _starts(plan: StudyPlan, method: Method) -> list[Pretraining | None]:
    """Return the settings of pre-training that a method starts from in any task: [None] for training from scratch."""
    if not method.pretraining:
        return [None]
    names = [name for task in plan.tasks.values() for name in task.pretrainings[method.pretraining]]
    return [plan.pretrainings[name] for name in dict.fromkeys(names)]
