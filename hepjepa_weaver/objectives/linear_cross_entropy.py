"""Cross entropy behind a linear layer to many codes, some particles at a time: the scores of a batch are never kept.

Shapes: L particles, d width, K codes.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

SCORES_AT_ONCE = {"cpu": 2**19, "cuda": 2**25}
"""Number of scores computed together: 2 MiB stay in the cache of a CPU; a GPU holds 128 MiB a few times over."""


class CrossEntropy(NamedTuple):
    """Cross entropy of L particles.

    Attributes:
        total: scalar, the sum over particles, in nats; the only one with a gradient.
        each: (L,), that of each particle.
        hit: (L,), 1 if the wanted code is the most likely one, 1/n if it is one of n equally likely ones, 0 otherwise.
        log_sum: (L,), logarithm of the sum of the exponentials of all scores.
    """

    total: Tensor
    each: Tensor
    hit: Tensor
    log_sum: Tensor


def linear_cross_entropy(to_codes: nn.Linear, x: Tensor, wanted: Tensor, smoothing: float = 0.0) -> CrossEntropy:
    """Return the cross entropy of `to_codes(x)`, in fp32 from scores in the precision of autocast.

    PyTorch has a function of this name from 2.13 on, but without label smoothing and accuracy.

    Args:
        to_codes: linear layer from d to K.
        x: (L, d).
        wanted: (L,), codes from 0 to K - 1.
        smoothing: fraction of the probability that is spread over all codes.
    """
    return CrossEntropy(*_apply(x, to_codes.weight, to_codes.bias, wanted, smoothing, torch.is_grad_enabled()))


@torch.compiler.disable  # type: ignore[untyped-decorator]  # the number of particles differs in every step
def _apply(*arguments: Any) -> Any:
    return _InParts.apply(*arguments)  # type: ignore[no-untyped-call]


class _InParts(torch.autograd.Function):
    """The gradient is computed together with the loss, while the scores are at hand."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, wanted: Tensor, smoothing: float, with_gradient: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        device, number = "cuda" if x.is_cuda else "cpu", len(weight)
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
        at_once = max(SCORES_AT_ONCE[device] // number, 1)
        each, hit, log_sum = x.new_zeros(3, len(x), dtype=torch.float32)
        of_x, of_weight, of_bias = torch.zeros_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
        with torch.autocast(device, enabled=False):
            rows, codes, offsets = x.to(dtype), weight.to(dtype), bias.to(dtype)
            for start in range(0, len(x), at_once):
                part = slice(start, start + at_once)
                scores = torch.addmm(offsets, rows[part], codes.t()).float()
                place = wanted[part].unsqueeze(1)
                of_wanted = scores.gather(1, place)
                largest = scores.amax(dim=1, keepdim=True)
                # Into fp32: a sum over logical values takes seven times as long on a CPU.
                ties = torch.eq(scores, largest, out=torch.empty_like(scores)).sum(dim=1).clamp(min=1)
                chances = scores.softmax(dim=1)
                log_sum[part] = (largest - chances.amax(dim=1, keepdim=True).log()).squeeze(1)
                hit[part] = (of_wanted == largest).squeeze(1) / ties
                each[part] = log_sum[part] - (1 - smoothing) * of_wanted.squeeze(1)
                if smoothing:
                    each[part] -= smoothing * scores.mean(dim=1)
                    chances -= smoothing / number
                if with_gradient:
                    slopes = chances.scatter_add_(1, place, chances.new_full(place.shape, smoothing - 1))
                    of_bias += slopes.sum(dim=0)
                    slopes = slopes.to(dtype)
                    of_x[part] = slopes @ codes
                    of_weight += slopes.t() @ rows[part]
        ctx.save_for_backward(of_x, of_weight, of_bias)
        ctx.mark_non_differentiable(each, hit, log_sum)
        return each.sum(), each, hit, log_sum

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        return *(slope * slopes[0] for slope in ctx.saved_tensors), None, None, None
