"""The options behind the checkpoints of a pre-training, and behind the results of a training.

A preset or a default may change while the words of the command stay the same. Snakemake therefore gets all options, and
repeats a job if they differ. An option that a later version adds repeats nothing at the value that stands for earlier
versions: its default, unless the option says otherwise.
"""

from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies.cells import Cell, PretrainingRun, cells, network_of, pretraining_runs
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.planned_options import (
    as_text,
    as_text_before,
    method_config,
    options_of,
    pretraining_config,
)
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_method import Recipe

NOTE = "options.txt"
"""File beside the checkpoints of a training that holds its options."""
UNKNOWN = "of a network config outside the package"


def pretraining_options(plan: StudyPlan, name: str) -> str:
    """Return every option of a setting of pre-training as text, defaults included."""
    config = pretraining_config(plan, plan.pretrainings[name])
    return UNKNOWN if config is None else as_text(config)


def training_options(plan: StudyPlan, cell: Cell, recipe: Recipe) -> str:
    """Return every option of a training with labels as text, defaults included."""
    network = network_of(plan, cell)
    setting = plan.pretrainings[network.start.run.name] if network.start else None
    config = method_config(plan, plan.methods[network.method], setting, recipe.words)
    return UNKNOWN if config is None else as_text(config)


def recorded_pretraining_options(plan: StudyPlan, run: PretrainingRun) -> str:
    """Return the options of a pre-training as its note has them, if they are those of now."""
    note = Layout(plan).pretrained(run).with_name(NOTE)
    return _recorded(note, pretraining_options(plan, run.name), _before(plan.pretrainings[run.name].network))


def recorded_training_options(plan: StudyPlan, cell: Cell, recipe: Recipe) -> str:
    """Return the options of a training with labels as its note has them, if they are those of now."""
    network = plan.methods[network_of(plan, cell).method].network
    note = Layout(plan).trained(cell, recipe) / NOTE
    return _recorded(note, training_options(plan, cell, recipe), _before(network))


def _recorded(note: Path, now: str, unset: str) -> str:
    if not note.is_file():
        return now
    before = _options_in(note)
    return now if difference(before, now, unset) else before


def planned_notes(plan: StudyPlan) -> dict[Path, tuple[str, str]]:
    """Return what `check_same_options` compares the note of each training with, by its path: `options` and `unset`."""
    layout = Layout(plan)
    found = {
        layout.pretrained(run).with_name(NOTE): (
            pretraining_options(plan, run.name),
            _before(plan.pretrainings[run.name].network),
        )
        for run in pretraining_runs(plan)
    }
    for cell in cells(plan):
        method = plan.methods[network_of(plan, cell).method]
        for recipe in method.tried:
            note = layout.trained(cell, recipe) / NOTE
            found[note] = training_options(plan, cell, recipe), _before(method.network)
    return found


def check_origins(plan: StudyPlan) -> None:
    """Check that existing checkpoints were made with the options that the plan gives now.

    Raises:
        UserError: the checkpoints of a pre-training were made with other options.
    """
    for run in pretraining_runs(plan):
        _check_origin(plan, run)


def _check_origin(plan: StudyPlan, run: PretrainingRun) -> None:
    prefix = Layout(plan).pretrained(run)
    note = prefix.with_name(NOTE)
    if note.is_file() and any(prefix.parent.glob(f"{prefix.name}_epoch-*.pt")):
        now = pretraining_options(plan, run.name)
        check_same_options(_options_in(note), now, str(prefix.parent), _before(plan.pretrainings[run.name].network))


def _options_in(note: Path) -> str:
    """Return the options of a note as they were written: the last of them may be an empty word behind a space."""
    return note.read_text().removesuffix("\n")


def _before(network: str) -> str:
    """Return every option of a network, as text, with the value that stands for versions without it."""
    config = options_of(network)
    return "" if config is None else as_text_before(config())


def difference(known: str, options: str, unset: str = "") -> str:
    """Return in words how options differ from those of now; nothing if they are the same (`check_same_options`)."""
    before, now, unstated = ([item for item in text.split("; ") if item] for text in (known, options, unset))
    names = {item.partition(" ")[0] for item in before}
    now = [item for item in now if item.partition(" ")[0] in names or item not in unstated]
    if set(before) == set(now):
        return ""
    old, new = (
        ", ".join(item for item in items if item not in others) or "none of these"
        for items, others in ((before, now), (now, before))
    )
    return f"came of the options {old} and not of {new}"


def check_same_options(known: str, options: str, what: str, unset: str = "") -> None:
    """Compare the options that `what` was made with to those of now, presets and defaults included, in any order.

    Args:
        known: options that `what` was made with.
        options: options of now.
        what: name for the message.
        unset: every option with the value that stands for versions without it.

    Raises:
        UserError: the options differ.
    """
    told = difference(known, options, unset)
    if told:
        raise UserError(f"{what} {told}: give the plan another output, or remove it")
