"""Self-supervised pre-training of jet taggers as a plugin to weaver-core."""

__version__ = "0.1.0"
