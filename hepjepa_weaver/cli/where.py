"""Print the path of a network config, a data config, a plan of a study or a batch farm recipe.

hepjepa where                     list what there is
hepjepa where hepjepa_pretrain    its absolute path, for weaver's --network-config
"""

import argparse

from hepjepa_weaver.common.shipped import FOLDERS, find_shipped, shipped_files, shipped_root


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="file or folder, with or without its ending and the folders above it")


def run(args: argparse.Namespace) -> None:
    print(find_shipped(args.name) if args.name else listing())


def listing() -> str:
    """All names, folder by folder."""
    sections = [f"in {shipped_root()}"]
    for folder, title in FOLDERS.items():
        names = [file.removeprefix(f"{folder}/") for file in shipped_files() if file.startswith(f"{folder}/")]
        sections.append("\n".join((f"{title} ({folder})", *(f"  {name}" for name in names))))
    return "\n\n".join(sections)
