"""Base of everything a network config understands: several parts, each with its options."""

from typing import Any, get_type_hints

RESERVED = ("preset", "size")
"""Names after `-o` that stand for several options."""


class NetworkOptions:
    """A dataclass whose fields are parts of a network (`Options`); all of their options are set by one `-o`.

    Raises:
        TypeError: at import, where two parts have an option of one name, or one has a reserved name: `-o` could not
            tell them apart.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        owner: dict[str, str] = dict.fromkeys(RESERVED, "the presets")
        for part, kind in get_type_hints(cls).items():
            for name in get_type_hints(kind):
                if name in owner:
                    raise TypeError(f"{cls.__name__}: option {name} belongs to {owner[name]} and to {part}")
                owner[name] = part
