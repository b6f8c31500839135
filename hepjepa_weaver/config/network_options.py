"""Base class of the options of a network config: several parts, each with its options."""

from collections.abc import Mapping
from typing import Any, get_type_hints

RESERVED = ("preset", "size")
"""Names after `-o` that each set several options."""


class NetworkOptions:
    """A dataclass whose fields are parts of a network (`Options`); one `-o` sets the options of all parts.

    Raises:
        TypeError: at import, if two parts share an option name or an option has a reserved name. `-o` could not tell
            them apart.

    Attributes:
        is_self_supervised: whether the network is trained without labels.
    """

    is_self_supervised = False  # without a type: fields of a config are parts, and this is none

    @classmethod
    def own_presets(cls) -> Mapping[str, Mapping[str, Any]] | None:
        """Return the values of `-o preset` with the options that they set; None takes those of `config.presets`."""
        return None

    @classmethod
    def presets_that_need_care(cls) -> Mapping[str, str]:
        """Return what to know before a training with some values of `-o preset`."""
        return {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        owner: dict[str, str] = dict.fromkeys(RESERVED, "the presets")
        for part, kind in get_type_hints(cls).items():
            for name in get_type_hints(kind):
                if name in owner:
                    raise TypeError(f"{cls.__name__}: option {name} belongs to {owner[name]} and to {part}")
                owner[name] = part
