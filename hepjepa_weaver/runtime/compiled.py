"""Functions that are compiled where `-o layout` says so."""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch

Layout = Literal["padded", "packed", "compiled"]
"""Values of `-o layout`."""


VERSIONS = 64
"""Compiled versions of a function that are kept: for encoder, target encoder and predictor, in training or not.

Beyond PyTorch's own limit of 8 a function runs uncompiled.
"""


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function compiled once for all lengths."""
    torch._dynamo.config.recompile_limit = max(VERSIONS, torch._dynamo.config.recompile_limit)
    return torch.compile(function, dynamic=True)


def in_layout(function: Callable[..., Any], layout: Layout) -> Callable[..., Any]:
    """Return the function, compiled if the layout says so."""
    return compiled(function) if layout == "compiled" else function
