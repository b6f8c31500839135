"""From weaver's `-o key value` to a config made of dataclasses.

Weaver passes options unchecked to every hook, so that a typo would train something else than was asked for.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.typed_values import coerced, type_name
from hepjepa_weaver.config.presets import expanded, tables_of_use
from hepjepa_weaver.config.run import WeaverOptions

ConfigT = TypeVar("ConfigT")


def config_from_options(config_type: type[ConfigT], options: Mapping[str, Any]) -> ConfigT:
    """Fill `config_type`, a dataclass of dataclasses, from weaver's flat `-o` options, presets included.

    Raises:
        UserError: an option that no part of the config knows, or a value of another type.
    """
    groups: dict[str, Any] = get_type_hints(config_type)
    known = {name: (group, hint) for group, part in groups.items() for name, hint in get_type_hints(part).items()}
    values: dict[str, dict[str, Any]] = {group: {} for group in groups}
    for name, value in expanded(options, known).items():
        if name not in known:
            raise UserError(f"unknown option -o {name}; valid options: {', '.join(_describe(config_type))}")
        group, hint = known[name]
        try:
            values[group][name] = coerced(value, hint)
        except TypeError:
            raise UserError(
                f"option -o {name} is {value!r}, but must be {type_name(hint)}; "
                f"valid options: {', '.join(_describe(config_type))}"
            ) from None
    defaults = config_type()
    return config_type(**{group: dataclasses.replace(getattr(defaults, group), **values[group]) for group in groups})


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Raise a UserError that names option, value and valid range unless `holds`."""
    if not holds:
        raise UserError(f"option -o {name} is {value!r}, but must be {expected}")


def _describe(config_type: type) -> list[str]:
    """`name (type, default)` of every option a user may set."""
    options = {
        name: f"{name} ({type_name(hint)}, default {getattr(part, name)!r})"
        for part in vars(config_type()).values()
        if not isinstance(part, WeaverOptions)
        for name, hint in get_type_hints(type(part)).items()
    }
    return [f"{kind} ({' or '.join(table)})" for kind, table in tables_of_use(options).items()] + [*options.values()]
