"""Devices of torch, by the name that a user types."""

import torch

from hepjepa_weaver.common.errors import UserError


def usable_device(name: str) -> torch.device:
    """Return a device by its name.

    Raises:
        UserError: there is none of this name.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # `meta` has tensors, but no numbers
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {name} cannot be used here: choose cpu, or cuda on a machine with a GPU") from error
    return device
