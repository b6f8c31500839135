"""Print a Markdown table that compares files of jets, ROOT, parquet or HDF5.

Each file is a row. Its columns are the number of jets and simple observables with their statistical errors.

    hepjepa compare-jets jets/MiniJetClass/val/HToBB_000.root real_jets.parquet
"""

import argparse
from pathlib import Path

from hepjepa_weaver.simulation.comparison import comparison_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa compare-jets`."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")


def run(args: argparse.Namespace) -> None:
    """Print the table.

    Raises:
        UserError: a file cannot be read or holds no jets.
    """
    print(comparison_table(args.files))
