"""Run the workflow of a study: Snakemake, on the Snakefile that is shipped with the package."""

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
    """Run all that is not done yet of a study, in the current folder; return Snakemake's exit status.

    extra: further words for Snakemake, as `--dry-run`, `--profile` or files to make.
    Raises UserError for a plan that cannot be run, or where Snakemake is missing.
    """
    read_plan(plan)
    if importlib.util.find_spec("snakemake") is None:
        raise UserError("snakemake is not installed: pip install 'hepjepa-weaver[grid]' with Python 3.11 or later")
    commands = Path(sys.executable).parent  # weaver and hepjepa, where the environment is not activated
    environment = {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    return subprocess.run(study_command(plan, cores, extra), check=False, env=environment).returncode


def study_command(plan: Path, cores: int, extra: Sequence[str] = ()) -> list[str]:
    """The Snakemake command of a study."""
    snakefile = str(shipped_path(SNAKEFILE))
    words = ["-s", snakefile, "--cores", str(cores), *extra, "--config", f"plan={plan}"]
    return [sys.executable, "-m", "snakemake", *words]
