"""A run of several processes (weaver's `--backend`): what is taken over a batch is taken over all of theirs.

In a run of one process nothing happens here. Everything but `batches_of_all` wants as many jets from every process.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from hepjepa_weaver.weaver_api import AllGather, logger


def is_parallel() -> bool:
    """Whether this is one of several processes."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if is_parallel() else 0


def go_on_alone() -> None:
    """Leave the other processes: weaver tests in the first one, when all others have ended."""
    if is_parallel():
        dist.destroy_process_group()


def gathered(x: Tensor) -> Tensor:
    """The rows (N, ...) of all processes, one after the other; gradients find their way back."""
    rows: Tensor = AllGather.apply(x)
    return rows


def mean_over_processes(x: Tensor) -> Tensor:
    """The mean of a tensor that each process has; among several without gradient."""
    if not is_parallel():
        return x
    total = x.detach().clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def batches_of_all(loader: Iterable[Any], device: torch.device) -> Iterator[Any]:
    """The batches of this process for as long as every other one has another, too: who steps alone would wait forever.

    What is left over is told and not used, in this epoch.
    """
    if not is_parallel():
        yield from loader
        return
    batches = iter(loader)
    batch = next(batches, None)
    while _all_have(batch, device):
        yield batch
        batch = next(batches, None)
    if batch is not None:
        logger.warning("Another process has no more batches: what this one has left is not used in this epoch")


def of_all_processes(entries: list[str]) -> list[str]:
    """The different entries of all processes, in order."""
    if not is_parallel():
        return entries
    lists: list[list[str]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(lists, entries)
    return sorted({entry for several in lists for entry in several})


def _all_have(batch: Any, device: torch.device) -> bool:
    have = torch.tensor(int(batch is not None), device=device)
    dist.all_reduce(have, op=dist.ReduceOp.MIN)
    return bool(have.item())
