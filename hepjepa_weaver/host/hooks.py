"""Helpers of every hook of a network config."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def weaver_hook(hook: Callable[P, R]) -> Callable[P, R]:
    """Turn an AttributeError inside `hook` into a RuntimeError.

    Weaver would take the AttributeError for a missing hook, and go on silently with its default loss, loop or
    optimiser.
    """

    @functools.wraps(hook)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return hook(*args, **kwargs)
        except AttributeError as error:
            raise RuntimeError(f"error in the network config's {hook.__name__}: {error}") from error

    return wrapped


def model_info(data_config: Any, *output_names: str) -> dict[str, Any]:
    """Return the second value of `get_model`: names and shapes for weaver's FLOP count and ONNX export."""
    names = list(data_config.input_names)
    axes = {name: {0: "N", 2: "n_" + name.split("_")[0]} for name in names}
    return {
        "input_names": names,
        "input_shapes": {name: (1, *shape[1:]) for name, shape in data_config.input_shapes.items()},
        "output_names": list(output_names),
        "dynamic_axes": {**axes, **{name: {0: "N"} for name in output_names}},
    }
