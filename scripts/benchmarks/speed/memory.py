"""The highest memory use while something runs, over what was in use before."""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import torch

CLEAR_REFS, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def peak_growth(run: Callable[[], object], device: torch.device) -> int | None:
    """Bytes by which memory use rose while `run` ran, at its highest; None where it cannot be measured.

    What was allocated before is not in it, so that the order of contenders and how many of them are in memory
    do not matter.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    return peak_resident_growth(run)


def peak_resident_growth(run: Callable[[], object]) -> int | None:
    """The same for main memory, on Linux.

    `getrusage` gives the highest use since the process started and cannot be reset, so that nothing smaller than the
    largest contender would be seen. Linux keeps the same number as VmHWM, which a 5 written to clear_refs sets
    back to the present use. Freed memory that the C library keeps for later would be used again unseen, and so
    is first given back to the system.
    """
    if not give_back_freed_memory() or not reset_peak():
        return None
    before = read_status("VmRSS")
    run()
    return max(read_status("VmHWM") - before, 0)


def give_back_freed_memory() -> bool:
    """Return freed memory of the C library's allocator to the system; False where that is not glibc."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return False
    return True


def reset_peak() -> bool:
    """Set the process's highest memory use back to the present one; False where the system does not let us."""
    try:
        CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return STATUS.is_file()


def read_status(name: str) -> int:
    """A memory figure of this process, in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024  # the file gives kB and means KiB
