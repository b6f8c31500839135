#!/usr/bin/env python3
"""Write the report of a finished evaluation grid: tables and figures by task (see scripts/studies/Snakefile)."""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import run_script
from hepjepa_weaver.studies.read_plan import read_plan
from hepjepa_weaver.studies.study_report import write_study_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path, help="YAML file of the grid")
    parser.add_argument("-o", "--output", type=Path, required=True, help="report.md; the figures go next to it")
    parser.add_argument("--readme", type=Path, help="README with a place for the short version, to be filled in")
    args = parser.parse_args()
    write_study_report(read_plan(args.plan), args.plan, args.output, args.readme)


if __name__ == "__main__":
    run_script(main)
