"""Peak memory of a function, above the memory in use before."""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import torch

CLEAR_REFS, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def peak_growth(run: Callable[[], object], device: torch.device) -> int | None:
    """Return the most bytes by which memory use rose while `run` ran; None if that cannot be measured.

    Memory allocated before is not included. The result therefore does not depend on the order of contenders or on how
    many of them are in memory.
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
    """Return the same for main memory, on Linux.

    `getrusage` gives the peak since the process started and cannot be reset. It would see nothing smaller than the
    largest contender. Linux keeps the same number as VmHWM, which is reset to the present use by writing a 5 to
    clear_refs. Freed memory that the C library keeps would be used again unseen, and is first returned to the system.
    """
    if not give_back_freed_memory() or not reset_peak():
        return None
    before = read_status("VmRSS")
    run()
    return max(read_status("VmHWM") - before, 0)


def give_back_freed_memory() -> bool:
    """Return freed memory of the C library's allocator to the system; the result is False if that is not glibc."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return False
    return True


def reset_peak() -> bool:
    """Reset the process's peak memory use to the present one; the result is False if the system does not allow it."""
    try:
        CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return STATUS.is_file()


def read_status(name: str) -> int:
    """Return a memory value of this process, in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024  # the file says kB and means KiB
