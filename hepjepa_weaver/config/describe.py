"""The options of a network in words: for `hepjepa options`, the options page and error messages."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from hepjepa_weaver.common.typed_values import type_name
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.option import KEY, About
from hepjepa_weaver.config.presets import tables_of_use
from hepjepa_weaver.config.run import WeaverOptions


@dataclass(frozen=True)
class OptionDescription:
    """One option in words.

    Attributes:
        name: name after `-o`.
        type: type in words.
        default: default as Python writes it.
        range: allowed values; empty if the type says it all.
        source: paper, equation or section; empty if the option is ours.
        text: effect of the option.
        group: first sentence of the docstring of the option's part.
    """

    name: str
    type: str
    default: str
    range: str
    source: str
    text: str
    group: str

    @property
    def brief(self) -> str:
        """Name, type and default: `name (type, default)`."""
        return f"{self.name} ({self.type}, default {self.default})"


@dataclass(frozen=True)
class PresetDescription:
    """One value of `-o preset` or `-o size`, with the options that it sets."""

    option: str
    name: str
    settings: Mapping[str, Any]


def describe_options(config_type: type[NetworkOptions]) -> list[OptionDescription]:
    """Describe every option that a user may set, part by part."""
    defaults = config_type()
    return [
        description
        for part in vars(defaults).values()
        if not isinstance(part, WeaverOptions)
        for description in _of_part(part)
    ]


def describe_presets(config_type: type[NetworkOptions]) -> list[PresetDescription]:
    """Describe the presets and sizes that set any option of this network, restricted to its options."""
    known = {description.name for description in describe_options(config_type)}
    return [
        PresetDescription(option, name, {key: value for key, value in settings.items() if key in known})
        for option, table in tables_of_use(known, config_type.own_presets()).items()
        for name, settings in table.items()
    ]


def _of_part(part: Any) -> list[OptionDescription]:
    hints, descriptions = get_type_hints(type(part)), []
    for item in dataclasses.fields(part):
        about: About = item.metadata[KEY]
        descriptions.append(
            OptionDescription(
                name=item.name,
                type=type_name(hints[item.name]),
                default=repr(getattr(part, item.name)),
                range=about.valid.words if about.valid else "",
                source=about.source,
                text=about.text,
                group=(type(part).__doc__ or "").split("\n")[0].rstrip("."),
            )
        )
    return descriptions
