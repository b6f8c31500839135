"""Download a published data set and bring it into the files that weaver reads; run again, it goes on where it was.

hepjepa get TopLandscape -d data/TopLandscape
hepjepa get JetClass -d data/JetClass --only '*val_5M*' '*part0*'
"""

import argparse
from pathlib import Path

from hepjepa_weaver.datasets.published import DATA_SETS, get_dataset
from hepjepa_weaver.datasets.records import ZENODO


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=list(DATA_SETS), help="JetClass has about 190 GB, twice that with its archives")
    parser.add_argument("-d", "--directory", type=Path, required=True, help="where to put it; the originals go to raw/")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATTERN", help="files of the record to get (all)")
    parser.add_argument("--delete-raw", action="store_true", help="delete each original once its files are made")
    parser.add_argument("--server", default=ZENODO, help="a server with Zenodo's interface (%(default)s)")


def run(args: argparse.Namespace) -> None:
    get_dataset(args.name, args.directory, args.only, args.server, keep_raw=not args.delete_raw)
