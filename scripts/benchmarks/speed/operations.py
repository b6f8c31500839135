"""Operations of a step and the bytes they read and write, counted on the meta device with the code of a GPU.

Nothing is computed, so that no GPU is needed. Every operation that makes or changes a tensor counts as one kernel of a
GPU. Precision is fp32: the meta device has no autocast.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hepjepa_weaver.particle_transformer import blocks

META = torch.device("meta")
FREE = {
    "view", "_unsafe_view", "t", "transpose", "permute", "expand", "slice", "select", "unsqueeze", "squeeze", "split",
    "split_with_sizes", "unbind", "detach", "alias", "as_strided", "_reshape_alias", "narrow", "diagonal", "unfold",
    "lift_fresh", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "is_same_size",
}  # fmt: skip
"""Operations that start no kernel."""


@dataclass
class Count:
    """Number of operations, and the bytes that they read and write."""

    operations: int = 0
    bytes: int = 0

    def add(self, tensors: list[Tensor]) -> None:
        """Count one operation on these tensors."""
        self.operations += 1
        self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass
class Operations:
    """Counts by part of a step: each child of a network in the forward pass, the rest of it, and the backward pass."""

    parts: dict[str, Count] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> Count:
        """All parts together."""
        counts = self.parts.values()
        return Count(sum(count.operations for count in counts), sum(count.bytes for count in counts))


class _Counting(TorchDispatchMode):
    def __init__(self, found: Operations) -> None:
        super().__init__()
        self.found, self.part = found, "rest of the forward pass"

    def __torch_dispatch__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        used = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, Tensor) and x.device == META]
        if used and name not in FREE:
            self.found.parts.setdefault(self.part, Count()).add(list({id(tensor): tensor for tensor in used}.values()))
            self.found.kinds[name] += 1
        return result


def count_step(network: nn.Module, loss: Any, inputs: list[Tensor]) -> Operations:
    """Count the operations of one forward and backward pass of a network on the meta device.

    Args:
        network: a network of this package, on the meta device and in training mode.
        loss: from the network's output to a scalar.
        inputs: the network's inputs, on the meta device apart from masks.
    """
    found = Operations()
    counting = _Counting(found)
    with counting, _as_on_a_gpu(), _by_child(network, counting):
        total = loss(network(*inputs))
        counting.part = "backward pass"
        total.backward()
    return found


@contextmanager
def _as_on_a_gpu() -> Iterator[None]:
    """Count attention as one operation, as a GPU has it; the meta device would take it apart."""

    def attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, p: float) -> Tensor:
        bias = bias.expand(-1, query.size(1), query.size(2), -1)
        return torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, bias, True, p)[0]  # type: ignore[no-any-return]

    with patch.object(blocks, "attention_on_gpu", attention):
        yield


@contextmanager
def _by_child(network: nn.Module, counting: _Counting) -> Iterator[None]:
    def named(part: str) -> Any:
        return lambda *_: setattr(counting, "part", part)

    rest, handles = counting.part, []
    for name, child in network.named_children():
        handles += [child.register_forward_pre_hook(named(name)), child.register_forward_hook(named(rest))]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
