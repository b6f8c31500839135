#!/usr/bin/env python3
"""Print a Markdown table of simple means, with statistical errors, for files of jets (ROOT or parquet).

scripts/compare_jets.py jets/MiniJetClass/val/HToBB_000.root real_jets.parquet
"""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import run_script
from hepjepa_weaver.simulation.comparison import comparison_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    print(comparison_table(parser.parse_args().files))


if __name__ == "__main__":
    run_script(main)
