"""Copy files of jets, and add secondary vertices found in their displaced tracks (columns sv_*).

The files are those of JetClass or MiniJetClass.

    hepjepa vertices jets/MiniJetClass/train -o jets/MiniJetClass_sv/train
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import kind_of, list_files
from hepjepa_weaver.simulation.vertices import add_vertices


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa vertices`."""
    parser.add_argument("source", type=Path, nargs="+", help="directories or files of jets, .root, .parquet or .h5")
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory to write to")


def run(args: argparse.Namespace) -> None:
    """Write the files that are not there yet.

    Raises:
        UserError: the output directory holds the source files, or a source holds no files of jets.
    """
    paths = list_files(args.source)
    if args.output.resolve() in [path.parent.resolve() for path in paths]:
        raise UserError(f"{args.output} holds the source files: choose another -o")
    args.output.mkdir(parents=True, exist_ok=True)
    for path in tqdm(paths, unit="file"):
        target = args.output / path.name
        if not target.exists():
            kind = kind_of(path)
            kind.write_like(path, (add_vertices(jets) for jets in kind.read_all(path)), target)
