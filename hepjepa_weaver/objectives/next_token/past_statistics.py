"""BatchNorm with the statistics of earlier batches, so that a causal network is causal in training, too.

In training, BatchNorm takes mean and variance over all slots of the batch. The token of a particle would then depend on
later particles.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from hepjepa_weaver.runtime.ranks import mean_over_processes

NORMS = (nn.modules.batchnorm._BatchNorm,)


def use_past_statistics(network: nn.Module) -> None:
    """Have the BatchNorms of a network normalise with their running statistics, as in eval mode."""
    for module in network.modules():
        if isinstance(module, NORMS):
            module.eval()


class PastStatistics:
    """Running statistics of a network's BatchNorms, moved between batches.

    The first batch sets them; later ones move them by at least the momentum of the BatchNorm. They do not move within a
    step, because gradients need them as they were.
    """

    def __init__(self) -> None:
        self._seen: list[tuple[nn.Module, Tensor, Tensor]] = []

    @contextmanager
    def watching(self, network: nn.Module, but: nn.Module | None = None) -> Iterator[None]:
        """Take what the BatchNorms of a network in training get within the block, all but one."""
        norms = [module for module in network.modules() if isinstance(module, NORMS) and module is not but]
        hooks = [
            module.register_forward_hook(lambda module, given, _: self.see(module, given[0]))
            for module in norms
            if network.training
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def see(self, norm: nn.Module, x: Tensor) -> None:
        """Take mean and variance of what a BatchNorm normalises: (L, C) or (N, C, P)."""
        rows = x.detach().transpose(1, -1).flatten(0, -2).float()
        self._seen.append((norm, rows.mean(dim=0), rows.var(dim=0, correction=0)))

    @torch.no_grad()
    def move(self) -> None:
        """Move the running statistics towards what was seen since the last call, the mean over ranks."""
        for norm, mean, variance in self._seen:
            assert isinstance(norm, NORMS)
            assert isinstance(norm.running_mean, Tensor)
            assert isinstance(norm.running_var, Tensor)
            assert isinstance(norm.num_batches_tracked, Tensor)
            norm.num_batches_tracked += 1
            weight = (1 / norm.num_batches_tracked.float()).clamp(min=norm.momentum or 0.1)
            norm.running_mean += (mean_over_processes(mean) - norm.running_mean) * weight
            norm.running_var += (mean_over_processes(variance) - norm.running_var) * weight
        self._seen = []


def filled_with_mean(features: Tensor, places: list[int], norm: nn.Module) -> Tensor:
    """Return features (N, C, P) with those in `places` at the running mean of a BatchNorm, which tells nothing."""
    if not places:
        return features
    assert isinstance(norm.running_mean, Tensor)
    features = features.clone()
    features[:, places] = norm.running_mean[places].to(features.dtype).view(1, -1, 1)
    return features
