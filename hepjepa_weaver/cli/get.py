"""Download a published data set and convert it to files that weaver reads.

Goes on where it stopped if it is run again.

    hepjepa get TopLandscape -d data/TopLandscape
    hepjepa get JetClass -d data/JetClass --only '*val_5M*' '*part0*'
"""

import argparse
from pathlib import Path

from hepjepa_weaver.datasets.published import DATA_SETS, get_dataset
from hepjepa_weaver.datasets.records import ZENODO


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa get`."""
    parser.add_argument(
        "name", choices=list(DATA_SETS), help="data set; JetClass takes about 190 GB, twice that with its archives"
    )
    parser.add_argument(
        "-d", "--directory", type=Path, required=True, help="directory to write to; the originals go to its folder raw/"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="PATTERN", help="files of the record to download (all)"
    )
    parser.add_argument("--delete-raw", action="store_true", help="delete each original once it is converted")
    parser.add_argument("--server", default=ZENODO, help="server with Zenodo's interface (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Download and convert the files that match.

    Raises:
        UserError: no file matches, the disk is too full, or a download, an archive or a conversion is
            refused.
    """
    get_dataset(args.name, args.directory, args.only, args.server, keep_raw=not args.delete_raw)
