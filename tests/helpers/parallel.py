"""Two processes on one machine, and what torch's SyncBatchNorm, which is for GPUs only, would do on a CPU."""

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as differentiable
import torch.multiprocessing
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tests.helpers.forked_commands import IMPORTED


class SyncBatchNormOnCpu(nn.modules.batchnorm._BatchNorm):
    """Batch statistics over all processes, with their gradient. (DDP refuses torch's own on a CPU.)"""

    def _check_input_dim(self, x: Tensor) -> None:
        assert x.ndim >= 2

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        dims = [dim for dim in range(x.ndim) if dim != 1]
        count = x.new_tensor([x.numel() / x.size(1)])
        sums = differentiable.all_reduce(torch.cat([x.sum(dim=dims), x.square().sum(dim=dims), count]))
        mean, square = (sums[:-1] / sums[-1]).chunk(2)
        variance = square - mean.square()
        with torch.no_grad():
            unbiased = variance * sums[-1] / (sums[-1] - 1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(unbiased, self.momentum)
            self.num_batches_tracked += 1
        shape = [-1 if dim == 1 else 1 for dim in range(x.ndim)]
        scale = self.weight * (variance + self.eps).rsqrt()
        return x * scale.view(shape) + (self.bias - mean * scale).view(shape)


def wrapped_like_weaver(model: nn.Module, device: torch.device) -> DistributedDataParallel:
    """The model as `weaver.train` wraps it, on any device."""
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model).to(device)
    for module in converted.modules() if device.type == "cpu" else ():
        if isinstance(module, nn.SyncBatchNorm):
            module.__class__ = SyncBatchNormOnCpu
    return DistributedDataParallel(converted, find_unused_parameters=False)


def in_two_processes(work: Any, folder: Path, *arguments: Any) -> None:
    """Call `work(rank, folder, *arguments)` in each; an error of either is raised.

    They are forked from a process that has done the imports, once for all.
    """
    imported = [*IMPORTED, "pytest", "tests.helpers.two_ranks"]
    torch.multiprocessing.get_context("forkserver").set_forkserver_preload(imported)
    torch.multiprocessing.start_processes(_join, (work, folder, *arguments), nprocs=2, start_method="forkserver")


def _join(rank: int, work: Any, folder: Path, *arguments: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    dist.barrier()  # a process that ends at once would close the connection that the other one still makes
    try:
        work(rank, folder, *arguments)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
