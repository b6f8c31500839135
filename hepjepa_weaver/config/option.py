"""One option: default, effect, allowed values and source.

A part of a network has its options in a frozen dataclass derived from `Options`. Each field is one option.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hepjepa_weaver.common.errors import UserError

KEY = "option"


@dataclass(frozen=True)
class Valid:
    """The values that an option takes.

    Attributes:
        holds: tests a value.
        words: the same in words, for error messages.
    """

    holds: Callable[[Any], bool]
    words: str


@dataclass(frozen=True)
class About:
    """Description of an option besides its name, type and default.

    Attributes:
        text: effect of the option.
        valid: allowed values.
        source: paper, equation or section.
        before: value that stands for versions without this option; None for the default.
    """

    text: str
    valid: Valid | None
    source: str
    before: Any


def option(default: Any, text: str, valid: Valid | None = None, source: str = "", before: Any = None) -> Any:
    """Declare an option.

    Args:
        default: value without `-o`.
        text: effect of the option, for the options page.
        valid: allowed values, checked whenever a config is made.
        source: paper, equation or section.
        before: value that stands for versions without this option; None for the default.
    """
    return dataclasses.field(default=default, metadata={KEY: About(text, valid, source, before)})


def value_before(part: Any, name: str) -> Any:
    """Return the value of an option that stands for versions without it, from a part with its defaults."""
    before = type(part).__dataclass_fields__[name].metadata[KEY].before
    return getattr(part, name) if before is None else before


class Options:
    """Base class of all parts of a config; checks the values of its options.

    Raises:
        UserError: a value is out of its range. The message names option, value and range.
    """

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            valid = item.metadata[KEY].valid
            if valid is not None:
                value = getattr(self, item.name)
                require(valid.holds(value), item.name, value, valid.words)


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Raise a UserError that names option, value and valid range unless `holds`."""
    if not holds:
        raise UserError(f"option -o {name} is {value!r}, but must be {expected}")


def at_least(low: float) -> Valid:
    """Allow numbers from `low` on."""
    return Valid(lambda value: value >= low, f"{low:g} or more")


def above(low: float) -> Valid:
    """Allow numbers greater than `low`."""
    return Valid(lambda value: value > low, f"more than {low:g}")


def fraction() -> Valid:
    """Allow numbers from 0 to 1, both included."""
    return Valid(lambda value: 0 <= value <= 1, "from 0 to 1")


def fraction_below_one() -> Valid:
    """Allow numbers from 0 to 1 without 1 itself."""
    return Valid(lambda value: 0 <= value < 1, "from 0 up to, not including, 1")


def positive_fraction() -> Valid:
    """Allow numbers from 0 to 1 without 0 itself."""
    return Valid(lambda value: 0 < value <= 1, "more than 0 and at most 1")


def positive_widths(at_least_one: bool = False) -> Valid:
    """Allow tuples of numbers above 0; with `at_least_one` none that is empty."""
    words = "one width or more, each above 0" if at_least_one else "widths above 0"
    return Valid(lambda widths: (len(widths) > 0 or not at_least_one) and all(width > 0 for width in widths), words)
