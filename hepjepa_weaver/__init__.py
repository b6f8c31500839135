"""Self-supervised pre-training of jet taggers as a plugin to weaver-core."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepjepa_weaver.embedding import load_encoder

__version__ = "0.1.0"
__all__ = ["__version__", "load_encoder"]


def __getattr__(name: str) -> Any:
    """Import torch and weaver when they are needed: most commands are not to wait for them."""
    if name == "load_encoder":
        from hepjepa_weaver.embedding import load_encoder  # noqa: PLC0415

        return load_encoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
