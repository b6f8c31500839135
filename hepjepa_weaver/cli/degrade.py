"""Take something from every test jet, to see how a tagger bears it: set columns to 0, drop particles at random.

hepjepa degrade JetClass/Pythia/test_20M -o no_pid --zero part_charge part_isElectron part_isMuon
hepjepa degrade TopLandscape/test_file.parquet -o dropped --drop 0.3
"""

import argparse
from pathlib import Path

from hepjepa_weaver.datasets.degrade import Degradation, degrade_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, nargs="+", help="directories or files of jets, .root or .parquet")
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory for the files, of the same names")
    parser.add_argument("--zero", nargs="+", default=[], metavar="COLUMN", help="columns to set to 0")
    parser.add_argument("--drop", type=float, default=0.0, metavar="F", help="share of the particles to drop")
    parser.add_argument("--seed", type=int, default=0, help="of the particles that are dropped (0)")


def run(args: argparse.Namespace) -> None:
    n_jets = degrade_files(args.source, args.output, Degradation(tuple(args.zero), args.drop), args.seed)
    print(f"{args.output}: {n_jets} jets written")
