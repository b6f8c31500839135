"""What is computed in single precision even with `--use-amp`."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def in_single_precision(like: Tensor) -> AbstractContextManager[object]:
    """Return a context without autocast on the device of a tensor; `meta` knows none."""
    device = like.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()
