"""The real `hepjepa` command, of the package that is imported here, with warnings as errors."""

import subprocess
import sys
from pathlib import Path
from typing import Any

HEPJEPA = [sys.executable, "-W", "error", "-m", "hepjepa_weaver.cli"]


def hepjepa(*words: object, cwd: Path | None = None, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run it, as a user would in the folder `cwd`, and return what it printed and its exit status."""
    return subprocess.run([*HEPJEPA, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False, **kwargs)
