"""Versions and hardware that a run was made with, without host name or paths."""

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "weaver-core", "hepjepa-weaver", "awkward", "uproot", "pythia8mc")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that shape the numbers, as far as installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        number = installed_version(package)
        if number is not None:
            found[package] = number
    return found


def installed_version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed, as in a bare checkout."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware() -> str:
    """Return processor model, usable cores and memory in GiB of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor()}, {usable_cores()} cores, {memory:.0f} GiB memory"


def made_with() -> str:
    """Return versions, hardware and date as the last section of a report in Markdown."""
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    date = datetime.now(timezone.utc).date().isoformat()
    return f"## Made with\n\n- {packages}\n- {hardware()}\n- {date}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # on Linux; elsewhere the architecture is used
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
