"""The real `hepjepa` command, of the package that is imported here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

AS_INSTALLED = [sys.executable, "-m", "hepjepa_weaver.cli"]
"""For what loads Pythia or fastjet: some of their releases crash where a warning of their own is an error."""
HEPJEPA = [sys.executable, "-W", "error", "-m", "hepjepa_weaver.cli"]
"""With warnings as errors."""


def hepjepa(*words: object, cwd: Path | None = None, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run it with warnings as errors, as a user would in the folder `cwd`; return what it printed and its status."""
    return run([*HEPJEPA, *words], cwd=cwd, **kwargs)


def run(command: list[Any], cwd: Path | None = None, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed and its exit status."""
    return subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, **kwargs)
