#!/usr/bin/env python3
"""Take something from every test jet, to see how a tagger bears it: set columns to 0, drop particles at random.

scripts/degrade_jets.py JetClass/Pythia/test_20M -o no_pid --zero part_charge part_isElectron part_isMuon
scripts/degrade_jets.py TopLandscape/test_file.parquet -o dropped --drop 0.3
"""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import run_script
from hepjepa_weaver.datasets.degrade import Degradation, degrade_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, nargs="+", help="directories or files of jets, .root or .parquet")
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory for the files, of the same names")
    parser.add_argument("--zero", nargs="+", default=[], metavar="COLUMN", help="columns to set to 0")
    parser.add_argument("--drop", type=float, default=0.0, metavar="F", help="share of the particles to drop")
    parser.add_argument("--seed", type=int, default=0, help="of the particles that are dropped (0)")
    args = parser.parse_args()
    n_jets = degrade_files(args.source, args.output, Degradation(tuple(args.zero), args.drop), args.seed)
    print(f"{args.output}: {n_jets} jets written")


if __name__ == "__main__":
    run_script(main)
