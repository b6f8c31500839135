"""Print the path of a network config, a data config, a plan of a study or a batch farm recipe.

Without a name, list all names.

    hepjepa where                      all names
    hepjepa where hepjepa_pretrain     absolute path, for weaver's --network-config
"""

import argparse

from hepjepa_weaver.common.shipped import FOLDERS, find_shipped, shipped_files, shipped_root


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa where`."""
    parser.add_argument("name", nargs="?", help="file or folder; its ending and the folders above it may be left out")


def run(args: argparse.Namespace) -> None:
    """Print the path of a file, or all names.

    Raises:
        UserError: no shipped file has this name, or several have it.
    """
    print(find_shipped(args.name) if args.name else listing())


def listing() -> str:
    """Return all names, folder by folder."""
    sections = [f"in {shipped_root()}"]
    for folder, title in FOLDERS.items():
        names = [file.removeprefix(f"{folder}/") for file in shipped_files() if file.startswith(f"{folder}/")]
        sections.append("\n".join((f"{title} ({folder})", *(f"  {name}" for name in names))))
    return "\n\n".join(sections)
