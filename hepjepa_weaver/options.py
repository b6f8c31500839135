"""From weaver's `-o key value` to a config made of dataclasses.

Weaver passes options unchecked to every hook, so that a typo would train something else than was asked for.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from hepjepa_weaver.errors import UserError
from hepjepa_weaver.presets import expanded, tables_of_use

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True)
class WeaverOptions:
    """Options that weaver itself adds for `--export-onnx`, `--use-amp` and `--compile`."""

    for_inference: bool = False
    use_amp: bool = False
    compile_model: bool = False


@dataclass(frozen=True)
class RunConfig:
    """seed: of weights, batches, masks and dropout; -1 leaves them to chance, as weaver does.

    A resumed run wants another one: with the same it would see the same batches again.
    """

    seed: int = -1


def config_from_options(config_type: type[ConfigT], options: Mapping[str, Any]) -> ConfigT:
    """Fill `config_type`, a dataclass of dataclasses, from weaver's flat `-o` options, presets included.

    Raises:
        UserError: an option that no part of the config knows, or a value of another type.
    """
    groups: dict[str, Any] = get_type_hints(config_type)
    known = {name: (group, hint) for group, part in groups.items() for name, hint in get_type_hints(part).items()}
    values: dict[str, dict[str, Any]] = {group: {} for group in groups}
    for name, value in expanded(options, known).items():
        if name not in known:
            raise UserError(f"unknown option -o {name}; valid options: {', '.join(_describe(config_type))}")
        group, hint = known[name]
        try:
            values[group][name] = coerced(value, hint)
        except TypeError:
            raise UserError(
                f"option -o {name} is {value!r}, but must be {type_name(hint)}; "
                f"valid options: {', '.join(_describe(config_type))}"
            ) from None
    defaults = config_type()
    return config_type(**{group: dataclasses.replace(getattr(defaults, group), **values[group]) for group in groups})


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Raise a UserError that names option, value and valid range unless `holds`."""
    if not holds:
        raise UserError(f"option -o {name} is {value!r}, but must be {expected}")


def _describe(config_type: type) -> list[str]:
    """`name (type, default)` of every option a user may set."""
    options = {
        name: f"{name} ({type_name(hint)}, default {getattr(part, name)!r})"
        for part in vars(config_type()).values()
        if not isinstance(part, WeaverOptions)
        for name, hint in get_type_hints(type(part)).items()
    }
    return [f"{kind} ({' or '.join(table)})" for kind, table in tables_of_use(options).items()] + [*options.values()]


def type_name(hint: Any) -> str:
    """A type in words."""
    if get_origin(hint) is Literal:
        return " or ".join(repr(choice) for choice in get_args(hint))
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def coerced(value: Any, hint: Any) -> Any:
    """`value` as `hint`: lists become tuples and whole numbers floats, nothing else is converted.

    Raises:
        TypeError: it is no `hint`.
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
