"""What is to happen before weaver reads its command line.

Weaver loads a network config late: after it has chosen the device, read the data configs and computed standardisation
and weights. Until then its errors are tracebacks, and a data config may be overwritten. Torch calls `prepare` when the
`weaver` command imports it: it calls every function that an installed package names as an entry point of
`torch.backends`. Nothing happens in other programs, or with network configs that are not of this package. The
environment variable TORCH_DEVICE_BACKEND_AUTOLOAD=0 switches this off.
"""

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.host.explain import show_user_errors_in_one_line

NUMBA_CACHE = "NUMBA_CACHE_DIR"
NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
"""A name in an expression, and not an attribute."""
DATA = ("--data-train", "-i", "--data-val", "-l", "--data-test", "-t")


def prepare() -> None:
    """Prepare for the `weaver` command, if this is one with a network config of this package."""
    command = getattr(sys, "argv", None) or [""]
    if not is_weaver(command) or not names_this_package(value_of(command, "-n", "--network-config")):
        return
    show_user_errors_in_one_line()
    use_writable_cache()
    found = (overwritten_config(command), split_path(command), endless_expression(command))
    mistake = next((words for words in found if words), None)
    if mistake:
        sys.exit(f"hepjepa_weaver: error: {mistake}")


def overwritten_config(command: Sequence[str]) -> str | None:
    """Return words for a data config that weaver would write over; None if there is none."""
    for option, short in (("--data-config", "-c"), ("--data-config-val", "--data-config-val")):
        path = value_of(command, option, short)
        if path and would_be_overwritten(Path(path)):
            return (
                f"{option} {path} does not end in .yaml: weaver would write its automatic standardisation and weights "
                "over it; rename it"
            )
    return None


def split_path(command: Sequence[str]) -> str | None:
    """Return words for an input file whose path weaver would split at a colon; None if there is none."""
    option = ""
    for word in command[1:]:
        if word.startswith("-"):
            option, _, word = word.partition("=")  # noqa: PLW2901 - a value may be joined to its option
        if option in DATA and (word.count(":") > 1 or "://" in word):
            return (
                f"{option} {word}: weaver takes what stands before a colon for the name of a group, and the path can "
                "have none: rename the folder, mount what is remote, or copy it"
            )
    return None


def endless_expression(command: Sequence[str]) -> str | None:
    """Return words for a variable of a data config that needs itself, over which weaver would never end."""
    for option, short in (("--data-config", "-c"), ("--data-config-val", "--data-config-val")):
        path = value_of(command, option, short)
        name = needs_itself(Path(path)) if path else None
        if name:
            return (
                f"{option} {path}: {name} is computed from itself; give the new variable or label another name than "
                "that of the column"
            )
    return None


def needs_itself(path: Path) -> str | None:
    """Return the first new variable or label of a data config that is computed from itself; None if none is."""
    import yaml  # noqa: PLC0415 - programs that only import torch are not to wait for it

    try:
        options = yaml.safe_load(path.read_text())
        labels = (options.get("labels") or {}).get("value")
        expressions = {**(options.get("new_variables") or {}), **(labels if isinstance(labels, dict) else {})}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError):
        return None  # weaver says what is wrong with it
    needed = {
        name: {word for word in NAME.findall(str(text)) if word in expressions}
        for name, text in expressions.items()
        if str(text) != name
    }
    for name, direct in needed.items():
        seen: set[str] = set()
        new = set(direct)
        while new:
            seen |= new
            new = {word for other in new for word in needed.get(other, ())} - seen
        if name in seen:
            return str(name)
    return None


def is_weaver(command: Sequence[str]) -> bool:
    """Tell whether a command line is weaver's."""
    return Path(command[0]).name == "weaver" or Path(command[0]).parts[-2:] == ("weaver", "train.py")


def value_of(command: Sequence[str], *options: str) -> str:
    """Return the last value of an option of a command line; empty if it is not given."""
    value = ""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        name, _, joined = word.partition("=")
        if name in options:
            value = joined or following
    return value


def names_this_package(path: str) -> bool:
    """Tell whether a network config uses this package."""
    return bool(path) and Path(path).is_file() and "hepjepa_weaver" in Path(path).read_text(errors="ignore")


def use_writable_cache() -> None:
    """Have numba keep weaver's compiled functions in a temporary folder where it has no other place to write to.

    Otherwise the import of weaver fails in containers whose file system and home are read-only.
    """
    found = importlib.util.find_spec("weaver")
    homes = [Path.home(), *(Path(place) for place in (found.submodule_search_locations or [] if found else []))]
    if NUMBA_CACHE not in os.environ and not any(os.access(home, os.W_OK) for home in homes):
        os.environ[NUMBA_CACHE] = str(Path(tempfile.gettempdir(), f"numba_{os.getuid()}"))


def would_be_overwritten(path: Path) -> bool:
    """Tell whether weaver would write what it computes over this data config: its name does not end in .yaml."""
    if path.suffix == ".yaml" or not path.is_file():
        return False
    import yaml  # noqa: PLC0415 - programs that only import torch are not to wait for it

    try:
        options = yaml.safe_load(path.read_text())
        method = str((options.get("preprocess") or {}).get("method", "manual"))
        weights = options.get("weights") or {}
        return method.lower().startswith("auto") or weights.get("use_precomputed_weights") is False
    except (yaml.YAMLError, AttributeError):
        return False  # weaver says what is wrong with it
