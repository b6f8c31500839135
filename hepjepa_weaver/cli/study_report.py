"""Write the report of a finished study: tables and figures, task by task (`hepjepa study` does it at its end)."""

import argparse
from pathlib import Path

from hepjepa_weaver.studies.read_plan import read_plan
from hepjepa_weaver.studies.study_report import write_study_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", type=Path, help="YAML file of the study")
    parser.add_argument("-o", "--output", type=Path, required=True, help="report.md; the figures go next to it")
    parser.add_argument("--page", type=Path, help="page with a place for the short version, to be filled in")


def run(args: argparse.Namespace) -> None:
    write_study_report(read_plan(args.plan), args.plan, args.output, args.page)
