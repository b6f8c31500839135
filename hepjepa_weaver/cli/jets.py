"""Make jets with Pythia 8 in the schema of a public data set.

- MiniJetClass: the ten classes of JetClass, with a parametrised detector.
- MiniTop: top and QCD jets, as in the Top Landscape, with the same detector.
- MiniQuarkGluon: quark and gluon jets, made as those of the public data set, without a detector.

    hepjepa jets MiniJetClass -d jets/MiniJetClass --train 2000 --val 500 --test 500 --jobs 2
"""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import require_at_least
from hepjepa_weaver.simulation.files import SPLITS
from hepjepa_weaver.simulation.processes import DATA_SETS, find_process
from hepjepa_weaver.simulation.production import plan_files, produce


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa jets`."""
    parser.add_argument("data_set", choices=list(DATA_SETS), help="data set to make")
    parser.add_argument(
        "-d", "--directory", type=Path, required=True, help="directory for the folders train, val and test"
    )
    parser.add_argument("--train", type=int, default=2000, help="training jets of each class (%(default)s)")
    parser.add_argument("--val", type=int, default=500, help="validation jets of each class (%(default)s)")
    parser.add_argument("--test", type=int, default=500, help="test jets of each class (%(default)s)")
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="classes to make, such as HToBB (all)")
    parser.add_argument(
        "--jets-per-file", type=int, default=100_000, help="largest number of jets per file (%(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="worker processes (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the jets; another one gives other jets (%(default)s)"
    )


def check(arguments: argparse.Namespace) -> None:
    """Check the numbers of jets, files, processes and the seed.

    Raises:
        UserError: a number is below its limit.
    """
    lowest = {"train": 0, "val": 0, "test": 0, "jets_per_file": 1, "jobs": 1, "seed": 0}
    require_at_least(arguments, lowest)


def run(arguments: argparse.Namespace) -> None:
    """Make the files that are not there yet, and print their number.

    Raises:
        UserError: a number is too small, a class is unknown, a file cannot be written, or a worker process failed.
    """
    check(arguments)
    names = arguments.classes or [process.stem for process in DATA_SETS[arguments.data_set]]
    processes = list(dict.fromkeys(find_process(name, arguments.data_set) for name in names))
    jets = {split: getattr(arguments, split) for split in SPLITS}
    plan = plan_files(arguments.directory, processes, jets, arguments.jets_per_file, arguments.seed)
    n_made = produce(plan, arguments.jobs)
    print(f"{n_made} files made, {len(plan) - n_made} were there already: {arguments.directory}")
