"""List the options of a network and its presets.

Weaver takes them as `-o NAME VALUE`.

    hepjepa options hepjepa_pretrain                 all options and presets
    hepjepa options hepjepa_pretrain target_norm     one option
    hepjepa options hepjepa_pretrain jp              one preset
"""

import argparse
import textwrap

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.describe import OptionDescription, PresetDescription, describe_options, describe_presets
from hepjepa_weaver.host.networks import find_network, network_names

INDENT, WIDTH = "    ", 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa options`."""
    parser.add_argument("network", help=f"{', '.join(network_names())}, or the path of a network config")
    parser.add_argument("option", nargs="?", help="name of one option or preset to show alone")


def run(args: argparse.Namespace) -> None:
    """Print all options and presets, or those of one name.

    Raises:
        UserError: there is no such network, or it has no such option or preset.
    """
    config_type = find_network(args.network).options
    options, presets = describe_options(config_type), describe_presets(config_type)
    if args.option:
        chosen = [option for option in options if option.name == args.option]
        shown = [preset for preset in presets if args.option in (preset.option, preset.name)]
        if not chosen and not shown:
            names = sorted({option.name for option in options} | {preset.option for preset in presets})
            raise UserError(f"{args.network} has no option {args.option}: it has {', '.join(names)}")
        print("\n".join([*map(option_text, chosen), *map(preset_text, shown)]))
        return
    print(all_text(options, presets))


def all_text(options: list[OptionDescription], presets: list[PresetDescription]) -> str:
    """Return the text of all options, part by part, and of what presets and sizes set."""
    lines = []
    for group in dict.fromkeys(option.group for option in options):
        lines += [f"\n{group}", *(option_text(option) for option in options if option.group == group)]
    for kind in dict.fromkeys(preset.option for preset in presets):
        lines += [f"\n-o {kind}: many options under one name; single options overrule it"]
        lines += [preset_text(preset) for preset in presets if preset.option == kind]
    return "\n".join(lines).lstrip("\n")


def option_text(option: OptionDescription) -> str:
    """Return name, default and type of an option in one line; what it does, its range and source below."""
    about = [option.text]
    about += [f"Range: {option.range}."] if option.range else []
    about += [f"Source: {option.source}."] if option.source else []
    head = f"  {option.name} = {option.default}   ({option.type})"
    return "\n".join(
        (head, *(textwrap.fill(line, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT) for line in about))
    )


def preset_text(preset: PresetDescription) -> str:
    """Return the name of a preset, and the options that it sets below."""
    settings = ", ".join(f"{name} {value!r}" for name, value in preset.settings.items()) or "nothing: the defaults"
    filled = textwrap.fill(settings, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    return f"  {preset.name}\n{filled}"
