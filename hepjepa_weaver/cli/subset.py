"""Draw fixed, class-balanced subsets of jets for training with few labels.

Writes one file per class and a manifest.

    hepjepa subset data/JetClass/Pythia/train_100M -o 'few/{labels}_seed{seed}' --labels-per-class 50 200 --seed 0 1
    hepjepa subset TopLandscape/train_file.parquet --label label -o top_1000 --fraction 0.001
"""

import argparse
from itertools import product
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.fewshot import HeldOut, make_fewshot
from hepjepa_weaver.datasets.pool import read_pool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa subset`."""
    parser.add_argument("source", type=Path, nargs="+", help="directories or files of jets, .root, .parquet or .h5")
    parser.add_argument(
        "-o", "--output", required=True, help="directory to write to; {labels} and {seed} stand for their values"
    )
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument(
        "--labels-per-class", type=int, nargs="+", metavar="N", help="number of jets to draw from each class"
    )
    size.add_argument(
        "--fraction", type=float, nargs="+", metavar="F", help="fraction of all jets to draw, equally from each class"
    )
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="seeds; subsets of one seed are nested (0)")
    parser.add_argument(
        "--label", metavar="COLUMN", help="column that gives the class, in files of several classes (file names)"
    )
    parser.add_argument(
        "--validation",
        type=int,
        default=0,
        metavar="N",
        help="jets of each class to hold out for validation, in -o/val",
    )
    parser.add_argument(
        "--test", type=int, default=0, metavar="N", help="jets of each class to hold out for the test, in -o/test"
    )
    parser.add_argument(
        "--apart-from",
        type=Path,
        nargs="+",
        default=[],
        metavar="PATH",
        help="files or directories that must hold none of the jets",
    )
    parser.add_argument(
        "--allow-common", type=int, default=0, metavar="N", help="largest number of such jets to tolerate (%(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    """Write a subset for each number of labels and each seed.

    Raises:
        UserError: `-o` names one directory for several subsets, or already holds something else. Also if a file cannot
            be read, there are too few jets, or `--apart-from` holds some of those drawn.
    """
    pool = read_pool(args.source, args.label)
    counts = args.labels_per_class or [pool.labels_for_fraction(fraction) for fraction in args.fraction]
    for name, values in (("labels", counts), ("seed", args.seed)):
        if len(values) > 1 and f"{{{name}}}" not in args.output:
            raise UserError(f"-o {args.output} is one directory for several subsets: put {{{name}}} into it")
    for labels, seed in product(counts, args.seed):
        output = Path(args.output.replace("{labels}", str(labels)).replace("{seed}", str(seed)))
        held_out = HeldOut(args.validation, args.test)
        written = make_fewshot(pool, output, labels, seed, held_out, args.apart_from, args.allow_common)
        print(f"{output}: {labels} jets per class {'written' if written else 'already there'}")
