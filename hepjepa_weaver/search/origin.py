"""What a measurement came of: one that came of other commands or options is never taken for it."""

import shlex
import subprocess
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.search.plan import SCRATCH, Plan, Run
from hepjepa_weaver.search.settings import as_text, finetuning_config, pretraining_config


def all_options(plan: Plan, run: Run, recipe: str | None = None) -> str:
    """Every option of a pre-training and, with the words of a `recipe`, of a fine-tuning after it: a preset or a
    default may change while the words stay."""
    texts = [] if run.setting.network == SCRATCH else [as_text(pretraining_config(plan, run.setting))]
    if recipe is not None:
        texts.append(as_text(finetuning_config(plan, run.setting, recipe)))
    return "; then ".join(texts)


def commit_of(repository: Path) -> str:
    """Git's short name of what is checked out, `-dirty` with changes; empty if it is no clone."""
    command = ["git", "-C", str(repository), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def essence(command: str) -> str:
    """A command without the folders of its files but the last: the same may run from another clone."""
    return " ".join("/".join(Path(word).parts[-2:]) if word.startswith("/") else word for word in shlex.split(command))


def check_same_command(known: str, command: str, what: str) -> None:
    """Raise a UserError if `what` came of another command than it would now."""
    if essence(known) != essence(command):
        raise UserError(f"{what} came of\n{known}\nand not of\n{command}\nChoose another -o, or remove it")


def check_same_options(known: str, options: str, what: str) -> None:
    """Raise a UserError if `what` came of other options, presets and defaults included."""
    before, now = ([item for item in text.split("; ") if item] for text in (known, options))
    if before != now:
        old, new = (
            ", ".join(item for item in items if item not in others) or "none of these"
            for items, others in ((before, now), (now, before))
        )
        raise UserError(f"{what} came of the options {old} and not of {new}: choose another -o, or remove it")
