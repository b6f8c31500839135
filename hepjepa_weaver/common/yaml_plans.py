"""Plans of many runs: YAML files read into frozen dataclasses, with every entry checked by name and type."""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.typed_values import coerced, type_name

Kind = TypeVar("Kind")


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        UserError: there is no such file, it is not YAML, or it is not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise UserError(f"plan {path} does not exist") from error
    except yaml.YAMLError as error:
        raise UserError(f"plan {path} cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"plan {path} is {content!r}, but must be a mapping")
    return content


def fill_each(kind: type[Kind], content: dict[str, Any], name: str, path: Path) -> dict[str, Kind]:
    """Return the entry `name` of a plan, a mapping of names to mappings, with a dataclass for each inner mapping.

    Raises:
        UserError: the entry is missing or empty, or one of its mappings does not fit the dataclass.
    """
    entries = content.get(name)
    if not isinstance(entries, dict) or not entries:
        raise UserError(f"plan {path} has no '{name}'")
    return {str(key): fill(kind, entry, f"{path}: {name}: {key}") for key, entry in entries.items()}


def fill(kind: type[Kind], values: Any, where: str) -> Kind:
    """Return a dataclass filled from the mapping `values`.

    Args:
        kind: the dataclass.
        values: entries of a plan.
        where: file and entry, for messages.

    Raises:
        UserError: `values` is not a mapping, or an entry is unknown, missing, of the wrong type or refused by the
            dataclass.
    """
    if not isinstance(values, dict):
        raise UserError(f"{where} is {values!r}, but must be a mapping")
    fields = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = set(values) - set(fields)
    required = {name for name, item in fields.items() if is_required(item)}
    for names, what in ((unknown, "unknown"), (required - set(values), "missing")):
        if names:
            raise UserError(f"{where}: {what} {', '.join(sorted(map(str, names)))}; entries are {', '.join(fields)}")
    hints = get_type_hints(kind)
    filled = {}
    for name, value in values.items():
        try:
            filled[name] = coerced(value, hints[name])
        except TypeError:
            raise UserError(f"{where}: {name} is {value!r}, but must be {type_name(hints[name])}") from None
    try:
        return kind(**filled)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def is_required(item: Any) -> bool:
    """Tell whether a field of a dataclass has no default."""
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
