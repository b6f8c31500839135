"""Base class of the options of a network config: several parts, each with its options."""

from typing import Any, get_type_hints

RESERVED = ("preset", "size")
"""Names after `-o` that each set several options."""


class NetworkOptions:
    """A dataclass whose fields are parts of a network (`Options`); one `-o` sets the options of all parts.

    Raises:
        TypeError: at import, if two parts share an option name or an option has a reserved name. `-o` could not tell
            them apart.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        owner: dict[str, str] = dict.fromkeys(RESERVED, "the presets")
        for part, kind in get_type_hints(cls).items():
            for name in get_type_hints(kind):
                if name in owner:
                    raise TypeError(f"{cls.__name__}: option {name} belongs to {owner[name]} and to {part}")
                owner[name] = part
