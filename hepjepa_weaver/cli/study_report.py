"""Write the report of a finished study: tables and figures, task by task.

`hepjepa study` does the same at its end.

    hepjepa study-report scripts/studies/minijetclass.yaml -o report/report.md
"""

import argparse
import sys
from pathlib import Path

from hepjepa_weaver.common.markdown import require_markdown
from hepjepa_weaver.studies.kept import unpack
from hepjepa_weaver.studies.read_plan import read_plan
from hepjepa_weaver.studies.study_report import write_study_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa study-report`."""
    parser.add_argument("plan", type=Path, help="YAML file of the study")
    parser.add_argument("-o", "--output", type=Path, required=True, help="report to write; the figures go next to it")
    parser.add_argument("--page", type=Path, help="page to write the short version into, at the place marked for it")


def run(args: argparse.Namespace) -> None:
    """Write the report, and the short version into a page if one is given.

    Raises:
        UserError: the plan cannot be read, results are missing or damaged, or the page has no place for them.
    """
    require_markdown(args.output)
    plan = read_plan(args.plan)
    for left_out in unpack(plan):
        print(left_out, file=sys.stderr)
    write_study_report(plan, args.plan, args.output, args.page)
