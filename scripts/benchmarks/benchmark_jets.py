#!/usr/bin/env python3
"""Print how fast jets are made, class by class, as a table in Markdown; no jet is kept.

scripts/benchmarks/benchmark_jets.py MiniJetClass --jets 200
"""

import argparse

from speed.jet_production import measure, speed_table

from hepjepa_weaver.common.errors import require_at_least, run_script
from hepjepa_weaver.simulation.processes import DATA_SETS, find_process


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", choices=list(DATA_SETS), help="which jets to make")
    parser.add_argument("--jets", type=int, default=200, help="of each class (200)")
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="file stems, such as HToBB (all)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other jets (1)")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    require_at_least(args, {"jets": 1, "seed": 0})
    names = args.classes or [process.stem for process in DATA_SETS[args.data_set]]
    processes = list(dict.fromkeys(find_process(name, args.data_set) for name in names))
    print(speed_table([measure(process, args.jets, args.seed) for process in processes]))


if __name__ == "__main__":
    run_script(main)
