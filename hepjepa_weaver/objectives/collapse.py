"""Detection of a collapse during pre-training: the loss looks fine while the embeddings become equal."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.weaver_api.log import logger

EARLY_LOOKS = 5
"""Number of first looks that only set the best value of a measure.

There is one look every `log_every` steps, from the first step on.
"""
LOW_LOOKS = 3
"""Number of looks in a row below the stated fraction of the best value that cannot be chance."""


class CollapseWatch(nn.Module):
    """Comparison of effective ranks and standard deviations, which fall in a collapse, with their best values so far.

    The state is in the state dict, so that a resumed run goes on with it. Shapes: K measures.
    """

    best: Tensor
    low: Tensor
    looks: Tensor

    def __init__(
        self, names: Sequence[str], advice: str, fraction: float = 0.4, reaction: Literal["warn", "stop"] = "warn"
    ) -> None:
        """Start without best values.

        Args:
            names: names of the measures (K).
            advice: likely causes and remedies, for the message.
            fraction: fraction of the best value below which a measure has collapsed.
            reaction: `warn` logs a collapse, `stop` ends the run.
        """
        super().__init__()
        self.names, self.advice, self.fraction, self.reaction = tuple(names), advice, fraction, reaction
        self.register_buffer("best", torch.zeros(len(self.names)))
        self.register_buffer("low", torch.zeros(len(self.names), dtype=torch.long))
        self.register_buffer("looks", torch.zeros((), dtype=torch.long))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Load the state; start anew with a checkpoint from before there was a watch."""
        if f"{prefix}early" in state_dict:  # of older checkpoints: the best of the first looks
            state_dict[f"{prefix}best"] = state_dict.pop(f"{prefix}early")
        for name, buffer in self.named_buffers():
            state_dict.setdefault(prefix + name, buffer.clone())
        super()._load_from_state_dict(state_dict, prefix, *args)

    def look(self, measures: Mapping[str, float], step: int) -> None:
        """Take the measures of an optimiser step; warn once per collapse.

        Raises:
            UserError: the embeddings have collapsed, and the reaction is to stop.
        """
        values = self.best.new_tensor([measures[name] for name in self.names])
        if self.looks >= EARLY_LOOKS:
            self.low.copy_((self.low + 1) * (values < self.fraction * self.best))
        self.best.copy_(self.best.maximum(values))
        self.looks += 1
        is_reported = self.low >= LOW_LOOKS if self.reaction == "stop" else self.low == LOW_LOOKS
        if is_reported.any():  # `stop` also ends a resumed run that has collapsed before
            self._report(values, step)

    def _report(self, values: Tensor, step: int) -> None:
        fallen = [
            f"{name} {value:.3g} (best {best:.3g})"
            for name, value, best, low in zip(
                self.names, values.tolist(), self.best.tolist(), self.low.tolist(), strict=True
            )
            if low >= LOW_LOOKS
        ]
        message = (
            f"the embeddings have collapsed by step {step}: {', '.join(fallen)}, below {self.fraction:g} of the best "
            f"value for {LOW_LOOKS} looks in a row. {self.advice}"
        )
        if self.reaction == "stop":
            raise UserError(message)
        logger.warning("%s Go back to a checkpoint from before; -o on_collapse stop ends such runs.", message)
