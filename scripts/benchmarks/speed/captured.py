"""Calls of a network's modules, recorded once in a real step and repeated alone.

The arguments of a module may change without notice here. They are therefore recorded, not written down again.
"""

import copy
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Call:
    """A module and the arguments of its call; calling it calls the module, apart from the graph of the step."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __call__(self) -> Any:
        return self.module(*detached(self.args), **detached(self.kwargs))


def capture(modules: Mapping[str, nn.Module], run: Callable[[], Any]) -> dict[str, Call]:
    """Return the last call of each of `modules` while `run` runs, by the modules' names.

    Raises:
        RuntimeError: a module was not called.
    """
    calls: dict[str, Call] = {}

    def hook_for(name: str) -> Callable[..., None]:
        def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls[name] = Call(module, args, kwargs)

        return keep

    handles = [m.register_forward_pre_hook(hook_for(name), with_kwargs=True) for name, m in modules.items()]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    missing = modules.keys() - calls.keys()
    if missing:
        raise RuntimeError(f"not called in a step: {', '.join(sorted(missing))}")
    return calls


def detached(value: Any) -> Any:
    """Return `value` with new leaf tensors in place of all its tensors; those keep their need of a gradient."""
    if isinstance(value, Tensor):
        return value.detach().requires_grad_(value.requires_grad)
    if isinstance(value, (tuple, list)):
        return type(value)(detached(item) for item in value)
    if isinstance(value, Mapping):
        return {key: detached(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        new = copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(new, field.name, detached(getattr(value, field.name)))  # also where frozen
        return new
    return value


def tensors_with_gradient(value: Any) -> list[Tensor]:
    """Return all tensors in `value`, through tuples, mappings and dataclasses, that need a gradient."""
    if isinstance(value, Tensor):
        return [value] if value.requires_grad else []
    if isinstance(value, Mapping):
        value = list(value.values())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in tensors_with_gradient(item)]
    return []
