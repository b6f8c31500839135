"""Remove information from every test jet, to measure how well a tagger copes without it.

Sets columns to 0, or drops particles at random. The leading particle of a jet always stays.

    hepjepa degrade data/JetClass/Pythia/test_20M -o no_pid --zero part_charge part_isElectron part_isMuon
    hepjepa degrade TopLandscape/test_file.parquet -o dropped --drop 0.3
"""

import argparse
from pathlib import Path

from hepjepa_weaver.datasets.degrade import Degradation, degrade_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa degrade`."""
    parser.add_argument("source", type=Path, nargs="+", help="directories or files of jets, .root, .parquet or .h5")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="directory to write files of the same names to"
    )
    parser.add_argument("--zero", nargs="+", default=[], metavar="COLUMN", help="columns to set to 0")
    parser.add_argument(
        "--drop", type=float, default=0.0, metavar="F", help="fraction of particles to drop (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed that picks the particles to drop (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Write the degraded jets and print their number.

    Raises:
        UserError: nothing would be lost, the fraction is out of range, a column is missing, or a file cannot be read.
            Also if the output holds the sources or files of their names.
    """
    n_jets = degrade_files(args.source, args.output, Degradation(tuple(args.zero), args.drop), args.seed)
    print(f"{args.output}: {n_jets} jets written")
