"""Keep the results of a study's finished runs as small text files, in the folder that the plan names as `kept`.

    hepjepa study-keep scripts/studies/rivals.yaml

`hepjepa study` and `hepjepa study-report` take these results where the runs themselves are gone, as on another machine.
"""

import argparse
from pathlib import Path

from hepjepa_weaver.cli.study import plan_path
from hepjepa_weaver.studies.kept import folder_of, keep
from hepjepa_weaver.studies.read_plan import read_plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa study-keep`."""
    parser.add_argument("plan", help="YAML file, or name of a shipped plan")


def run(args: argparse.Namespace) -> None:
    """Write the files, and print how many there are.

    Raises:
        UserError: the plan cannot be read, or names no folder.
    """
    path: Path = plan_path(args.plan)
    plan = read_plan(path, with_options=False)
    print(f"{folder_of(plan)}: results of {len(keep(plan))} pre-trainings and networks")
