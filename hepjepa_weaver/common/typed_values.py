"""Values that people type in YAML files and after `-o`, converted to the expected types."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin


def type_name(hint: Any) -> str:
    """Return a type in words."""
    if get_origin(hint) is Literal:
        return " or ".join(repr(choice) for choice in get_args(hint))
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def coerced(value: Any, hint: Any) -> Any:
    """Return `value` as `hint`; lists become tuples, integers become floats, and nothing else is converted.

    Raises:
        TypeError: the value does not have this type.
    """
    if get_origin(hint) is tuple and isinstance(value, (list, tuple)):
        return _coerced_items(value, get_args(hint))
    if get_origin(hint) is Mapping and isinstance(value, Mapping):
        of_key, of_value = get_args(hint)
        return {coerced(key, of_key): coerced(item, of_value) for key, item in value.items()}
    if hint is float and type(value) is int:
        return float(value)
    if value in get_args(hint) if get_origin(hint) is Literal else type(value) is hint:
        return value
    raise TypeError


def _coerced_items(values: Sequence[Any], hints: tuple[Any, ...]) -> tuple[Any, ...]:
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(values)
    if len(hints) != len(values):
        raise TypeError
    return tuple(coerced(value, hint) for value, hint in zip(values, hints, strict=True))


def value_or_text(text: str) -> Any:
    """Return `text` as a Python value, or as it is if it is not one: words and paths need no quotes.

    A value that an option does not take is refused later, with the option's name and type.
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
