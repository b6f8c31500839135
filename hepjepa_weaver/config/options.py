"""Conversion of weaver's `-o key value` to a config made of dataclasses.

Weaver passes options unchecked to every hook. Without a check, a mistyped option would silently train something else.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.typed_values import coerced, type_name
from hepjepa_weaver.config.describe import describe_options, describe_presets
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.presets import expanded

ConfigT = TypeVar("ConfigT", bound=NetworkOptions)


def config_from_options(config_type: type[ConfigT], options: Mapping[str, Any]) -> ConfigT:
    """Fill `config_type` from weaver's flat `-o` options, presets included.

    Raises:
        UserError: no part of the config has such an option, or a value has the wrong type.
    """
    parts: dict[str, Any] = get_type_hints(config_type)
    known = {name: (part, hint) for part, kind in parts.items() for name, hint in get_type_hints(kind).items()}
    values: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for name, value in expanded(options, known, config_type.own_presets()).items():
        if name not in known:
            raise UserError(f"unknown option -o {name}; valid options: {_all_options(config_type)}")
        part, hint = known[name]
        try:
            values[part][name] = coerced(value, hint)
        except TypeError:
            raise UserError(
                f"option -o {name} is {value!r}, but must be {type_name(hint)}; "
                f"valid options: {_all_options(config_type)}"
            ) from None
    defaults = config_type()
    return config_type(**{part: dataclasses.replace(getattr(defaults, part), **values[part]) for part in parts})


def config_of_saved(config_type: type[ConfigT], saved: Mapping[str, Any]) -> ConfigT:
    """Fill `config_type` from the options of a checkpoint, which may have others, too (`model.made_with`).

    Raises:
        UserError: a value has the wrong type or is out of its range.
    """
    parts = get_type_hints(config_type).values()
    known = {name for part in parts for name in get_type_hints(part)}
    return config_from_options(config_type, {name: value for name, value in saved.items() if name in known})


def _all_options(config_type: type[NetworkOptions]) -> str:
    """List presets and options in one line."""
    presets: dict[str, list[str]] = {}
    for preset in describe_presets(config_type):
        presets.setdefault(preset.option, []).append(preset.name)
    named = [f"{option} ({' or '.join(names)})" for option, names in presets.items()]
    return ", ".join([*named, *(description.brief for description in describe_options(config_type))])
