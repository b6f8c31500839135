"""Jets as sequences: particles by falling pT, cut to the length of the model."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets, sent_to
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.runtime.ranks import summed_over_processes


def check_longest(longest: int, data_config: Any) -> None:
    """Check that a model is not longer than the jets that weaver gives it.

    Weaver cuts them without a word. A cut jet would then seem to end.

    Raises:
        UserError: it is longer.
    """
    length = min(data_config.input_shapes[group][-1] for group in REQUIRED_GROUPS)
    if longest > length:
        raise UserError(f"-o longest is {longest}, and the data config cuts jets at {length} particles: give at most "
                        f"{length}")  # fmt: skip


class Sequences:
    """Order and cut of jets, with a count of those that were cut.

    A jet with `longest` particles or more has no stop token: weaver's data configs cut jets, too, and do not tell.

    Args:
        longest: largest number of particles of a jet.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.start_count()

    def start_count(self) -> None:
        """Start to count anew."""
        self.num_jets, self.num_cut = 0, 0

    def __call__(self, jets: Jets) -> tuple[Jets, Tensor]:
        """Return the jets in pT order, and which of them (N,) end behind their last particle.

        A jet without particles is no sequence: nothing is to be predicted of it.
        """
        self.num_jets += len(jets.num_real)
        self.num_cut += int((jets.num_real >= self.longest).sum())
        ends = sent_to(jets.is_real.device, jets.num_real < self.longest) & jets.has_particles()
        jets = jets.in_pt_order().trimmed(self.longest)
        return replace(jets, num_real=jets.num_real.clamp(max=self.longest)), ends

    def fraction_cut(self) -> float:
        """Return the fraction of the jets that were cut, or as long as the model, since `start_count`."""
        counts = summed_over_processes(torch.tensor([self.num_cut, self.num_jets]))
        return float(counts[0]) / max(float(counts[1]), 1)
