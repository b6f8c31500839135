r"""Draw fixed, class-balanced subsets of jets for training with few labels, or mixtures for training without labels.

Writes one file per class or mixture, and a manifest.

    hepjepa subset data/JetClass/Pythia/train_100M -o 'few/{labels}_seed{seed}' --labels-per-class 50 200 --seed 0 1
    hepjepa subset TopLandscape/train_file.parquet --label label -o top_1000 --fraction 0.001
    hepjepa subset jets/train -o 'mixtures/{signal}_seed{seed}' --cwola TTBar ZJetsToNuNu --signal-jets 500 2000 \
        --background-jets 100000 --validation 5000 --test 10000

With --cwola, two mixtures have as many background jets each, and one also has the signal jets. Their label is in the
columns cwola_background and cwola_mixed. In the test jets these columns tell signal (cwola_mixed) from background.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.fewshot import HeldOut, make_fewshot
from hepjepa_weaver.datasets.mixtures import Mixture, make_mixtures
from hepjepa_weaver.datasets.pool import read_pool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa subset`."""
    parser.add_argument("source", type=Path, nargs="+", help="directories or files of jets, .root, .parquet or .h5")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        help="directory to write to; {labels} or {signal}, and {seed} stand for their values",
    )
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument(
        "--labels-per-class", type=int, nargs="+", metavar="N", help="number of jets to draw from each class"
    )
    size.add_argument(
        "--fraction", type=float, nargs="+", metavar="F", help="fraction of all jets to draw, equally from each class"
    )
    size.add_argument(
        "--cwola", nargs=2, metavar=("SIGNAL", "BACKGROUND"), help="two mixtures of these classes, for weak supervision"
    )
    parser.add_argument("--signal-jets", type=int, nargs="+", metavar="N", help="signal jets in one of the mixtures")
    parser.add_argument("--background-jets", type=int, metavar="N", help="background jets in both mixtures together")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="seeds; subsets of one seed are nested (0)")
    parser.add_argument(
        "--label", metavar="COLUMN", help="column that gives the class, in files of several classes (file names)"
    )
    parser.add_argument(
        "--validation",
        type=int,
        default=0,
        metavar="N",
        help="jets of each class, or of each mixture, to hold out for validation, in -o/val",
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
    if args.cwola:
        write_mixtures(args)
        return
    if args.signal_jets or args.background_jets:
        raise UserError("--signal-jets and --background-jets are of mixtures: give --cwola SIGNAL BACKGROUND, too")
    pool = read_pool(args.source, args.label)
    counts = args.labels_per_class or [pool.labels_for_fraction(fraction) for fraction in args.fraction]
    check_places(args.output, labels=counts, seed=args.seed)
    for labels, seed in product(counts, args.seed):
        output = Path(args.output.replace("{labels}", str(labels)).replace("{seed}", str(seed)))
        held_out = HeldOut(args.validation, args.test)
        written = make_fewshot(pool, output, labels, seed, held_out, args.apart_from, args.allow_common)
        print(f"{output}: {labels} jets per class {'written' if written else 'already there'}")


def write_mixtures(args: argparse.Namespace) -> None:
    """Write mixtures for each number of signal jets and each seed.

    Raises:
        UserError: a number is missing, or an option does not go with mixtures. Also as in `run`.
    """
    if not args.signal_jets or not args.background_jets:
        raise UserError("--cwola needs --signal-jets and --background-jets")
    if args.apart_from or args.allow_common:
        raise UserError("--apart-from and --allow-common are of subsets with labels: leave them out with --cwola")
    check_places(args.output, signal=args.signal_jets, seed=args.seed)
    pool, (signal, background) = read_pool(args.source, args.label), args.cwola
    for number, seed in product(args.signal_jets, args.seed):
        output = Path(args.output.replace("{signal}", str(number)).replace("{seed}", str(seed)))
        mixture = Mixture(signal, background, number, args.background_jets, args.validation, args.test, seed)
        written = make_mixtures(pool, output, mixture)
        print(f"{output}: {number} signal jets {'written' if written else 'already there'}")


def check_places(output: str, **values: Sequence[int]) -> None:
    """Check that each subset has a folder of its own.

    Raises:
        UserError: several have the same.
    """
    for name, of_name in values.items():
        if len(of_name) > 1 and f"{{{name}}}" not in output:
            raise UserError(f"-o {output} is one directory for several subsets: put {{{name}}} into it")
