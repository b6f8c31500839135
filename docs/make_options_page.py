#!/usr/bin/env python3
"""Write docs/options.md from the options of all networks.

python docs/make_options_page.py
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.config.describe import OptionDescription, describe_options, describe_presets
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.host.networks import find_network, network_names

FIRST = "hepjepa_pretrain"
QUOTES = "'"
PAGE = Path(__file__).with_name("options.md")
INTRODUCTION = """# Options

`docs/make_options_page.py` makes this page from the dataclasses in `hepjepa_weaver/config`. `hepjepa options NETWORK`
prints the same for one network.

Set an option with `-o name value` behind `weaver --network-config`. Values are Python. Words and paths need no quotes:
`-o target_ratio "(0.15,0.2)" -o mask_strategy ball`. A single option overrules a size, and a size overrules a preset.

Two pages explain how the options work together: [Pre-training](pretraining.md#targets) and
[Fine-tuning](finetuning.md#choose-what-is-trained). The context encoder does not see the masked particles."""

Described = Mapping[str, list[OptionDescription]]
"""The options of every network, by its name."""


def page() -> str:
    """Return the page in Markdown."""
    names = sorted(network_names(), key=lambda name: (name != FIRST, name))
    networks = {name: find_network(name).options for name in names}
    described = {name: describe_options(kind) for name, kind in networks.items()}
    groups = list(dict.fromkeys(option.group for options in described.values() for option in options))
    sections = [section(group, described) for group in groups]
    own = [(f" in `{name}`", [kind]) for name, kind in networks.items() if kind.own_presets() and has_presets(kind)]
    shared = [kind for kind in networks.values() if not kind.own_presets()]
    tables = [settings_section("preset", kinds, where) for where, kinds in [("", shared), *own]]
    tables.append(settings_section("size", networks.values()))
    return with_own_anchors("\n\n".join([INTRODUCTION, *sections, *tables]) + "\n")


def has_presets(kind: type[NetworkOptions]) -> bool:
    """Tell whether `-o preset` sets any option of a network."""
    return any(preset.option == "preset" for preset in describe_presets(kind))


def section(group: str, described: Described) -> str:
    """Return the options of one group, and which networks have them."""
    variants: dict[str, dict[str, OptionDescription]] = {}
    for network, options in described.items():
        for option in options:
            if option.group == group:
                variants.setdefault(option.name, {})[network] = option
    owners = dict.fromkeys(network for options in variants.values() for network in options)
    heads = ["option", "meaning", "type", "default", "range", "source"]
    table = markdown_table(heads, [row(options) for options in variants.values()], words=len(heads))
    title = group.partition(" (`")[0].partition(". ")[0]
    return f"## {title}\n\nIn {', '.join(f'`{name}`' for name in owners)}.\n\n{table}"


def row(options: Mapping[str, OptionDescription]) -> list[str]:
    """Return one option as a row, by the networks that have it. Networks with another default are named.

    Raises:
        ValueError: its description differs between two of them.
    """
    first = next(iter(options.values()))
    if any(replace(option, default="") != replace(first, default="") for option in options.values()):
        raise ValueError(f"option {first.name} means something else in some of {', '.join(options)}")
    owners: dict[str, list[str]] = {}
    for network, option in options.items():
        owners.setdefault(option.default, []).append(network)
    defaults = [
        f"`{default.strip(QUOTES)}`" + (f" in `{'`, `'.join(names)}`" if len(owners) > 1 else "")
        for default, names in owners.items()
    ]
    kind = first.type.replace("'", "`") if first.type.startswith("'") else f"`{first.type}`"
    return [anchor(first.name), first.text, kind, "; ".join(defaults), first.range, first.source]


def settings_section(option: str, kinds: Iterable[type[NetworkOptions]], where: str = "") -> str:
    """Return what each value of `-o preset` or `-o size` sets in any of some networks, an option a row."""
    columns: dict[str, dict[str, str]] = {}
    for preset in (preset for kind in kinds for preset in describe_presets(kind)):
        if preset.option == option:
            settings = {name: f"`{value}`" for name, value in preset.settings.items()}
            columns[preset.name] = columns.get(preset.name, {}) | settings
    names = list(dict.fromkeys(name for settings in columns.values() for name in settings))
    rows = [[f"`{name}`", *(settings.get(name, "") for settings in columns.values())] for name in names]
    heads = ["option", *(f"`-o {option} {name}`" for name in columns)]
    start = f'## What `-o {option}` sets{where}\n\n<a id="{option}"></a>An empty cell leaves the option at its default.'
    return f"{start}\n\n{markdown_table(heads, rows, words=len(heads))}"


def anchor(name: str) -> str:
    """Return the name of an option as a place that links lead to."""
    return f'<a id="{name}"></a>`{name}`'


def with_own_anchors(text: str) -> str:
    """Keep the first of several anchors of one name."""
    seen: set[str] = set()

    def first_alone(found: re.Match[str]) -> str:
        is_new = found[1] not in seen
        seen.add(found[1])
        return found[0] if is_new else ""

    return re.sub(r'<a id="(\w+)"></a>', first_alone, text)


def main() -> None:
    PAGE.write_text(page())
    print(PAGE)


if __name__ == "__main__":
    main()
