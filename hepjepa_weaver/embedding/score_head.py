"""The head of a fine-tuned network, from the tokens of a jet to its scores or numbers, built from a checkpoint.

Shapes: N jets, S scores.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.classifier import build_head
from hepjepa_weaver.model.encoder import EncodedJets
from hepjepa_weaver.model.made_with import MadeWith
from hepjepa_weaver.model.pooling import Summation
from hepjepa_weaver.model.regression_targets import RegressionTargets

PREFIXES = ("fc.", "mod.fc.")
"""Where heads stand: in fine-tuned networks, and in stock ParT."""


class ScoreHead(nn.Module):
    """Head of a fine-tuned network or of stock ParT.

    Args:
        weights: of the checkpoint.
        made_with: what the checkpoint says of itself; None if it says nothing.
        pooling: vector that the head gets: "mean" or "class_token".

    Attributes:
        names: names of the S columns: `score_CLASS` for each class, and `output_LABEL` for each number.

    Raises:
        UserError: the checkpoint has no head, or does not tell the names of the numbers that it regresses.
    """

    def __init__(self, weights: Mapping[str, Tensor], made_with: MadeWith | None, pooling: str) -> None:
        super().__init__()
        self.pooling = pooling
        prefix = next((one for one in PREFIXES if any(name.startswith(one) for name in weights)), None)
        if prefix is None:
            raise UserError("the checkpoint has no head that gives scores: give one of a fine-tuned network")
        head = _under(weights, prefix)
        *hidden, last = [weight for weight in head.values() if weight.ndim == 2]
        standardise = "0.running_mean" in head
        widths = tuple((len(weight), 0.0) for weight in hidden)
        self.fc = build_head((hidden or [last])[0].size(1), len(last), widths, standardise)
        self.fc.load_state_dict(head)
        self.summation: Summation | None = None
        if any(name.startswith("summation.") for name in weights):
            self.summation = Summation(weights["summation.each.0.weight"].size(0))
            self.summation.load_state_dict(_under(weights, "summation."))
        self.targets = _targets(weights, made_with)
        self.num_classes = len(last) - (self.targets.num_outputs if self.targets else 0)
        self.names = [
            *_class_names(made_with, self.num_classes),
            *(self.targets.column_names() if self.targets else []),
        ]

    def forward(self, encoded: EncodedJets) -> Tensor:
        """Return probabilities of the classes, and numbers in the units of the labels, side by side (N, S)."""
        outputs = self.fc(self._vector(encoded)).float()
        if self.targets is None:
            return outputs.softmax(dim=1)  # type: ignore[no-any-return]
        scores, numbers = self.targets.split(outputs, self.num_classes)
        return torch.cat([scores.softmax(dim=1), self.targets.original(numbers).flatten(1)], dim=1)

    def _vector(self, encoded: EncodedJets) -> Tensor:
        if self.summation is not None:
            return self.summation(encoded.tokens, encoded.is_real)  # type: ignore[no-any-return]
        return encoded.mean_token() if self.pooling == "mean" or encoded.latent is None else encoded.latent


def _targets(weights: Mapping[str, Tensor], made_with: MadeWith | None) -> RegressionTargets | None:
    """Return the numbers that a network regresses; None if it tells classes alone.

    Raises:
        UserError: the checkpoint does not tell their names.
    """
    if "targets.centre" not in weights:
        return None
    if made_with is None:
        raise UserError("the checkpoint regresses numbers and does not tell their names: give it as weaver saved it")
    said: Mapping[str, Any] = made_with.options
    names = made_with.labels[1:] if said["target"] == "hybrid" else made_with.labels
    quantiles = said["quantiles"] if said["regression_loss"] == "quantile" else ()
    centre, width = (weights[f"targets.{name}"].tolist() for name in ("centre", "width"))
    return RegressionTargets(names, quantiles, centre, width)


def _class_names(made_with: MadeWith | None, number: int) -> list[str]:
    """Return the names of the columns of K classes: those of the labels, or numbers where labels do not name them."""
    named = made_with is not None and len(made_with.labels) == number and number > 1
    return [f"score_{name}" for name in (made_with.labels if named and made_with else range(number))]


def _under(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {re.sub(f"^{re.escape(prefix)}", "", name): value for name, value in weights.items()
            if name.startswith(prefix)}  # fmt: skip
