"""The workflow of a study: Snakemake with the Snakefile that is shipped with the package."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.shipped import shipped_path
from hepjepa_weaver.studies.read_plan import read_plan

SNAKEFILE = "scripts/studies/Snakefile"


def run_study(plan: Path, cores: int, extra: Sequence[str] = ()) -> int:
    """Run the unfinished parts of a study in the current folder, and return Snakemake's exit status.

    Args:
        plan: YAML file of the plan.
        cores: number of cores.
        extra: further words for Snakemake, such as `--dry-run`, `--profile` or files to make.

    Raises:
        UserError: the plan cannot be run, or Snakemake is missing.
    """
    read_plan(plan)
    if importlib.util.find_spec("snakemake") is None:
        raise UserError("snakemake is not installed: pip install 'hepjepa-weaver[grid]' with Python 3.11 or later")
    commands = Path(sys.executable).parent  # so that weaver and hepjepa are found without an activated environment
    environment = {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    return subprocess.run(study_command(plan, cores, extra), check=False, env=environment).returncode


def study_command(plan: Path, cores: int, extra: Sequence[str] = ()) -> list[str]:
    """Return the Snakemake command of a study."""
    snakefile = str(shipped_path(SNAKEFILE))
    words = ["-s", snakefile, "--cores", str(cores), *extra, "--config", f"plan={plan}"]
    return [sys.executable, "-m", "snakemake", *words]
