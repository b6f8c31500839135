"""Requests to the servers of published data sets, in the name of this project."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import requests

from hepjepa_weaver.common.environment import installed_version

TIMEOUT = (20, 60)  # seconds to connect, and to wait for a byte
HOME = "https://github.com/hepjepa-weaver/hepjepa_weaver"
MOVED_FOR_GOOD = (301, 308)


def ask(address: str, headers: Mapping[str, str] | None = None, stream: bool = False) -> requests.Response:
    """Send a GET request that names this project: some servers refuse clients without a name."""
    number = installed_version("hepjepa-weaver") or "unknown"
    named = {"User-Agent": f"hepjepa_weaver/{number} (+{HOME})", **(headers or {})}
    return requests.get(address, headers=named, stream=stream, timeout=TIMEOUT)


def said(answer: requests.Response) -> str:
    """Return status and reason of an answer in words, with the new address where the old one has moved for good."""
    moved = any(step.status_code in MOVED_FOR_GOOD for step in answer.history)
    to = f", after it has moved to {answer.url}" if moved else ""
    return f"the server answers {answer.status_code} {answer.reason}{to}"


def seconds_to_wait(answer: requests.Response) -> float | None:
    """Return the seconds that a server asks to wait (Retry-After: a number, or a date); None if it does not ask."""
    asked = answer.headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked)
    try:
        return max(parsedate_to_datetime(asked).timestamp() - time(), 0.0)
    except (TypeError, ValueError):
        return None


def mark_of(answer: requests.Response) -> str:
    """Return what tells one version of a file on a server from another; empty if the server does not tell."""
    headers: Any = answer.headers
    mark = headers.get("ETag") or headers.get("Last-Modified") or ""
    return "" if mark.startswith("W/") else mark  # weak marks allow for other bytes
