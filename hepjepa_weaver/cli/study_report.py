"""Write the report of a finished study: tables and figures, task by task (`hepjepa study` does it at its end)."""

import argparse
from pathlib import Path

from hepjepa_weaver.studies.reading import read_grid
from hepjepa_weaver.studies.readme import insert, summary
from hepjepa_weaver.studies.report import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", type=Path, help="YAML file of the study")
    parser.add_argument("-o", "--output", type=Path, required=True, help="report.md; the figures go next to it")
    parser.add_argument("--page", type=Path, help="page with a place for the short version, to be filled in")


def run(args: argparse.Namespace) -> None:
    write_study_report(args.plan, args.output, args.page)


def write_study_report(plan_file: Path, output: Path, page: Path | None) -> None:
    """Write the report and, if there is a page, its short version into that."""
    plan = read_grid(plan_file)
    write_report(plan, plan_file, output)
    if page:
        insert(page, plan_file.stem, summary(plan, plan_file))
