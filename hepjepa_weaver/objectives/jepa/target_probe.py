"""What explains the targets of masked particles: their own inputs, the mean target of the jet, and the predictor.

A target that follows from a particle's own inputs holds nothing of the other particles.
Shapes: n masked particles of a batch, C inputs, D width.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from hepjepa_weaver.objectives.jepa.regressors import Regressors, fitted
from hepjepa_weaver.runtime.ranks import summed_over_processes


class TargetProbe:
    """Linear regressions of targets over the masked particles of a validation, from sums alone.

    Every second jet is fitted, and the others are scored.

    Args:
        num_inputs: number C of inputs of a particle.
        width: width D of a target.
    """

    def __init__(self, num_inputs: int, width: int) -> None:
        self.regressors = Regressors(num_inputs, width)
        size = self.regressors.number
        # Per half of the jets: products of regressors, of regressors and targets, sum and squares of targets.
        self.empty = {
            "regressors": torch.zeros(2, size, size, dtype=torch.float64),
            "products": torch.zeros(2, size, width, dtype=torch.float64),
            "squares": torch.zeros(2, width, dtype=torch.float64),
            "missed": torch.zeros(2, width, dtype=torch.float64),
        }
        self.start()

    def start(self) -> None:
        """Start to count anew."""
        self.sums: Mapping[str, Tensor] = {}

    def see(self, inputs: Tensor, jet: Tensor, targets: Tensor, predicted: Tensor, half: Tensor) -> None:
        """Add the masked particles of a batch.

        Args:
            inputs: (n, C), features of each particle.
            jet: (n, D), mean target of its jet.
            targets: (n, D).
            predicted: (n, D), what the predictor says.
            half: (n,), 0 or 1, the half of the jets that the particle's jet belongs to.
        """
        if not self.sums:
            self.sums = {name: value.to(targets.device) for name, value in self.empty.items()}
        targets, predicted = targets.detach().double(), predicted.detach().double()
        regressors = self.regressors(inputs, jet)
        for number in (0, 1):
            rows = half == number
            some, wanted = regressors[rows], targets[rows]
            self.sums["regressors"][number] += some.T @ some
            self.sums["products"][number] += some.T @ wanted
            self.sums["squares"][number] += wanted.square().sum(dim=0)
            self.sums["missed"][number] += (wanted - predicted[rows]).square().sum(dim=0)

    def summary(self) -> dict[str, float]:
        """Return R² of the targets by what explains them; nothing if there are too few particles."""
        if not self.sums:
            return {}
        sums = {name: summed_over_processes(value).cpu() for name, value in self.sums.items()}
        counts, size = sums["regressors"][:, 0, 0], sums["regressors"].size(1)
        if counts.min() < size:
            return {}
        means = sums["products"][1, 0] / counts[1]
        spread = float((sums["squares"][1] - counts[1] * means.square()).sum())
        own = list(range(self.regressors.num_own))
        jet = [0, *range(self.regressors.num_own, size)]
        missed = {
            "own": _missed(sums, own),
            "jet": _missed(sums, jet),
            "both": _missed(sums, list(range(size))),
            "predicted": float(sums["missed"][1].sum()),
        }
        return {f"target_r2_{name}": 1 - value / max(spread, 1e-12) for name, value in missed.items()}


def _missed(sums: Mapping[str, Tensor], places: list[int]) -> float:
    """Return the squared error on the second half of a regression with some of the regressors, fitted to the first."""
    products, scored = sums["regressors"][:, places][:, :, places]
    weights = fitted(products, sums["products"][0, places])
    explained = 2 * (weights * sums["products"][1, places]).sum() - (weights * (scored @ weights)).sum()
    return float(sums["squares"][1].sum() - explained)
