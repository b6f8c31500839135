"""Check that training, validation and test files share no jets.

Writes the number of jets of each use to a text file. Fails, and writes nothing, if too many jets are shared.

    hepjepa check-apart --train jets/train --validation jets/val --test jets/test -o apart.txt
"""

import argparse
from pathlib import Path

from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.datasets.jet_files import list_files
from hepjepa_weaver.datasets.overlap import common_jets, fingerprints, refuse_common

PRETRAINING, TRAIN, VALIDATION, TEST = USES = ("pretraining", "train", "validation", "test")
APART = ((PRETRAINING, VALIDATION), (PRETRAINING, TEST), (TRAIN, VALIDATION), (TRAIN, TEST), (VALIDATION, TEST))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa check-apart`."""
    for use in USES:
        places = "files or directories of jets, .root, .parquet or .h5"
        parser.add_argument(f"--{use}", type=Path, nargs="+", default=[], required=use != PRETRAINING, help=places)
    parser.add_argument("-o", "--output", type=Path, required=True, help="text file to write if the check passes")
    parser.add_argument(
        "--allow-common",
        type=int,
        default=0,
        metavar="N",
        help="largest number of jets that two uses may share (%(default)s)",
    )


def run(args: argparse.Namespace) -> None:
    """Check each pair of uses, then write the number of jets of each use.

    Training jets may be among those of pre-training.

    Raises:
        UserError: two uses share more jets than allowed, or a file cannot be read.
    """
    jets = {use: {path: fingerprints(path) for path in list_files(getattr(args, use))} for use in USES}
    for use, other in APART:
        if jets[use]:
            refuse_common(common_jets(jets[use], jets[other]), use, args.allow_common)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(args.output) as temporary:
        counts = (f"{use}: {sum(map(len, files.values()))} jets" for use, files in jets.items() if files)
        temporary.write_text("\n".join(counts) + "\n")
