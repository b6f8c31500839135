"""Print a Markdown table of simple means, with statistical errors, for files of jets (ROOT or parquet).

hepjepa compare-jets jets/MiniJetClass/val/HToBB_000.root real_jets.parquet
"""

import argparse
from pathlib import Path

from hepjepa_weaver.simulation.comparison import comparison_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")


def run(args: argparse.Namespace) -> None:
    print(comparison_table(args.files))
