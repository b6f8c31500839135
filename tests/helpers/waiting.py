"""Waiting for what another process does."""

import time
from collections.abc import Callable

PATIENCE = 900.0
"""Seconds until a process is taken for stuck: far more than any takes, however busy the machine is."""


def wait_until(holds: Callable[[], bool], goes_on: Callable[[], bool] = lambda: True, pause: float = 0.02) -> None:
    """Return as soon as `holds()`.

    Args:
        goes_on: whether it may come to that still; it is an error where it does not.
        pause: seconds between two looks.
    """
    end = time.monotonic() + PATIENCE
    while not holds():
        assert goes_on() or holds(), "what was waited for has ended without it"
        assert time.monotonic() < end, f"nothing has happened in {PATIENCE:g} s"
        time.sleep(pause)
