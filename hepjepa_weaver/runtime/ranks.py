"""Runs of several ranks (weaver's `--backend`): what is taken over a batch is taken over the batches of all ranks.

A run of one rank skips all of it. Every function but `batches_of_all` needs the same number of jets on every rank.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from hepjepa_weaver.weaver_api.log import logger
from hepjepa_weaver.weaver_api.training import AllGather


def is_parallel() -> bool:
    """Tell whether this process is one of several ranks."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank() -> int:
    """Return the number of this rank, from 0."""
    return dist.get_rank() if is_parallel() else 0


def go_on_alone() -> None:
    """Leave the process group: weaver tests on rank 0 after all other ranks have ended."""
    if is_parallel():
        dist.destroy_process_group()


def gathered(x: Tensor) -> Tensor:
    """Return the rows (N, ...) of all ranks, one rank after the other; gradients flow back to each rank."""
    rows: Tensor = AllGather.apply(x)
    return rows


def mean_over_processes(x: Tensor) -> Tensor:
    """Return the mean over ranks of a tensor; with several ranks it has no gradient."""
    if not is_parallel():
        return x
    return summed_over_processes(x) / dist.get_world_size()


def summed_over_processes(x: Tensor) -> Tensor:
    """Return the sum over ranks of a tensor; with several ranks it has no gradient."""
    if not is_parallel():
        return x
    total = x.detach().clone()
    dist.all_reduce(total)
    return total


def from_first_rank(x: Tensor) -> Tensor:
    """Return the tensor of the first rank, on all ranks."""
    if is_parallel():
        x = x.contiguous()
        dist.broadcast(x, 0)
    return x


def batches_of_all(loader: Iterable[Any], device: torch.device) -> Iterator[Any]:
    """Yield the batches of this rank as long as every other rank has another batch, too.

    A rank that stepped alone would wait for the others forever. Batches left over are reported and not used in this
    epoch.
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
    """Return the different entries of all ranks, sorted."""
    if not is_parallel():
        return entries
    return sorted({entry for several in of_each_process(entries) for entry in several})


def of_each_process(entry: Any) -> list[Any]:
    """Return the entries of all ranks, of any type, in the order of the ranks."""
    if not is_parallel():
        return [entry]
    entries: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(entries, entry)
    return entries


def _all_have(batch: Any, device: torch.device) -> bool:
    have = torch.tensor(int(batch is not None), device=device)
    dist.all_reduce(have, op=dist.ReduceOp.MIN)
    return bool(have.item())
