"""Functions and classes that take the place of weaver's own."""

from collections.abc import Callable
from typing import Any

from hepjepa_weaver.weaver_api.changed import private


def replace_function(module: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put another function, or class, in the place of one of weaver's; once a process.

    Args:
        module: module of weaver that looks the function up by its name.
        name: the function.
        make: makes the substitute from weaver's own.

    Raises:
        WeaverChanged: there is no such function.
    """
    present = private(module, name)
    if not hasattr(present, "takes_the_place_of"):
        substitute = make(present)
        substitute.takes_the_place_of = present
        setattr(module, name, substitute)
