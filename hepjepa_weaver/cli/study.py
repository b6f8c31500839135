"""Run the plan of a study with Snakemake: pre-trainings, trainings on subsets of labels, predictions and report.

    hepjepa study scripts/studies/minijetclass.yaml --cores 2
    hepjepa study minijetclass -n                                 list what would be run

Options behind the plan go to Snakemake.
"""

import argparse
import sys
from pathlib import Path

from hepjepa_weaver.common.environment import usable_cores
from hepjepa_weaver.common.errors import require_at_least
from hepjepa_weaver.common.shipped import find_shipped
from hepjepa_weaver.studies.workflow import run_study


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa study`."""
    parser.add_argument("plan", help="YAML file, or name of a shipped plan (`hepjepa where` lists them)")
    parser.add_argument(
        "--cores", type=int, default=usable_cores(), help="processes at a time (default: all cores, %(default)s here)"
    )
    parser.add_argument("snakemake", nargs=argparse.REMAINDER, help="options for Snakemake, such as -n or --profile")


def run(args: argparse.Namespace) -> None:
    """Run what the study lacks, and exit with Snakemake's status.

    Raises:
        UserError: there is no such plan, it cannot be run, or Snakemake is missing.
    """
    cores, extra = cores_and_rest(args)
    sys.exit(run_study(plan_path(args.plan), cores, extra))


def cores_and_rest(args: argparse.Namespace) -> tuple[int, list[str]]:
    """Return the number of cores, given before or behind the plan, and what is left for Snakemake.

    Raises:
        UserError: the number of cores is below 1.
    """
    parser = argparse.ArgumentParser(prog="hepjepa study", add_help=False, allow_abbrev=False)
    parser.add_argument("--cores", "-c", type=int, default=args.cores)
    own, rest = parser.parse_known_args(args.snakemake)
    require_at_least(own, {"cores": 1})
    return own.cores, rest


def plan_path(name: str) -> Path:
    """Return the file that a path, or the name of a shipped plan, means.

    Raises:
        UserError: there is no such file and no such plan.
    """
    path = Path(name)
    return path if path.is_file() else find_shipped(name)
