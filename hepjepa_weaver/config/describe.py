"""The options of a network in words: for `hepjepa options`, the options page, and errors that list what there is."""

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
        range: values it takes; empty where the type says all.
        source: paper, equation or section; empty where it is ours.
        text: what it does.
        group: first sentence of the docstring of the part it belongs to.
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
        """`name (type, default)`."""
        return f"{self.name} ({self.type}, default {self.default})"


@dataclass(frozen=True)
class PresetDescription:
    """One value of `-o preset` or `-o size`, and the options that it sets."""

    option: str
    name: str
    settings: Mapping[str, Any]


def describe_options(config_type: type[NetworkOptions]) -> list[OptionDescription]:
    """Describe every option a user may set, part after part."""
    defaults = config_type()
    return [
        description
        for part in vars(defaults).values()
        if not isinstance(part, WeaverOptions)
        for description in _of_part(part)
    ]


def describe_presets(config_type: type[NetworkOptions]) -> list[PresetDescription]:
    """Describe the presets and sizes that set any option of this network, with those that it has."""
    known = {description.name for description in describe_options(config_type)}
    return [
        PresetDescription(option, name, {key: value for key, value in settings.items() if key in known})
        for option, table in tables_of_use(known).items()
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
