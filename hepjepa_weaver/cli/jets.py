"""Make jets with Pythia 8 in the schema of a public data set.

MiniJetClass: the ten classes of JetClass. MiniTop: top and QCD jets, as in the Top Landscape. Both pass a
parametrised detector. MiniQuarkGluon: quark and gluon jets, made as those of the public data set, without one.

hepjepa jets MiniJetClass -d jets/MiniJetClass --train 2000 --val 500 --test 500 --jobs 2
"""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import require_at_least
from hepjepa_weaver.simulation.files import SPLITS
from hepjepa_weaver.simulation.processes import DATA_SETS, find_process
from hepjepa_weaver.simulation.production import plan_files, produce


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data_set", choices=list(DATA_SETS), help="which jets to make")
    parser.add_argument("-d", "--directory", type=Path, required=True, help="where the folders train, val and test go")
    parser.add_argument("--train", type=int, default=2000, help="jets of each class (2000)")
    parser.add_argument("--val", type=int, default=500, help="jets of each class (500)")
    parser.add_argument("--test", type=int, default=500, help="jets of each class (500)")
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="file stems, such as HToBB (all)")
    parser.add_argument("--jets-per-file", type=int, default=100_000, help="at most (100000)")
    parser.add_argument("--jobs", type=int, default=1, help="worker processes (1)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other jets (1)")


def check(arguments: argparse.Namespace) -> None:
    """Refuse numbers that make no sense."""
    lowest = {"train": 0, "val": 0, "test": 0, "jets_per_file": 1, "jobs": 1, "seed": 0}
    require_at_least(arguments, lowest)


def run(arguments: argparse.Namespace) -> None:
    check(arguments)
    names = arguments.classes or [process.stem for process in DATA_SETS[arguments.data_set]]
    processes = list(dict.fromkeys(find_process(name, arguments.data_set) for name in names))
    jets = {split: getattr(arguments, split) for split in SPLITS}
    plan = plan_files(arguments.directory, processes, jets, arguments.jets_per_file, arguments.seed)
    n_made = produce(plan, arguments.jobs)
    print(f"{n_made} files made, {len(plan) - n_made} were there already: {arguments.directory}")
