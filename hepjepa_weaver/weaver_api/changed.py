"""What happens when weaver no longer has something that this package takes from it."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

TESTED = "0.5.3"
"""The version of weaver-core that every private contact was tried with."""


class WeaverChanged(RuntimeError):
    """Weaver no longer has something that this package relies on."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"weaver-core {version('weaver-core')} {what}; hepjepa_weaver is made for {TESTED}: "
            f"pip install 'weaver-core=={TESTED}'"
        )


def private(module: Any, name: str) -> Callable[..., Any]:
    """Return a private function or class of a module of weaver.

    Raises:
        WeaverChanged: the module has none of this name.
    """
    found: Callable[..., Any] | None = getattr(module, name, None)
    if found is None:
        raise WeaverChanged(f"has no {name} in {module.__name__}")
    return found
