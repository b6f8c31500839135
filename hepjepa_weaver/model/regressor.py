"""A pre-trained encoder with a head that regresses numbers, such as a mass, and may tell classes, too."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.batch.augmentation import Augmentation
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.model.classifier import JetClassifier
from hepjepa_weaver.model.regression_targets import RegressionTargets
from hepjepa_weaver.model.weights import Weights
from hepjepa_weaver.runtime.precision import in_single_precision

TARGETS = "targets."


@dataclass(frozen=True)
class RegressorOutput:
    """What the loss of a regression reads.

    Attributes:
        scores: (N, K), logits of the classes; K is 0 without classes.
        numbers: (N, T, Q), the numbers inside the network.
        targets: their names and scale.
    """

    scores: Tensor
    numbers: Tensor
    targets: RegressionTargets


class JetRegressor(JetClassifier):
    """ParT in `mod`, and a head in `fc` with K scores and T · Q numbers.

    Args:
        reader: converts weaver's inputs to jets.
        num_features: number C of particle features in the data config.
        num_classes: number K of classes; 0 without.
        targets: the T numbers.
        config: options of the network.
        augment: augmentation in training; None for none.
    """

    own_prefixes = (*JetClassifier.own_prefixes, TARGETS)

    def __init__(
        self,
        reader: JetReader,
        num_features: int,
        num_classes: int,
        targets: RegressionTargets,
        config: FinetuneConfig,
        augment: Augmentation | None = None,
    ) -> None:
        super().__init__(reader, num_features, num_classes + targets.num_outputs, config, augment)
        self.targets, self.num_classes = targets, num_classes

    def forward(self, *inputs: Tensor) -> Any:  # type: ignore[override]
        """Return the input of the loss in training, and otherwise probabilities and numbers (N, K + T · Q) as one.

        Numbers have the units of the file. When exported, they are the second of two outputs, or the only one.
        """
        if not self.reader.trim:
            return super().forward(*inputs)
        output = self.task(*inputs)
        return output if self.training else torch.cat(self.predicted(output), dim=1)

    def task(self, *inputs: Tensor) -> RegressorOutput:
        """Return the input of the loss for weaver's inputs."""
        return self._output(self.outputs_of(*inputs))

    def predicted(self, output: RegressorOutput) -> tuple[Tensor, Tensor]:
        """Return probabilities (N, K) and numbers (N, T · Q) in the units of the file."""
        numbers = self.targets.original(output.numbers).reshape(-1, self.targets.num_outputs)
        return output.scores.softmax(dim=1), numbers

    def exported(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the exported network from those of the head (N, K + T · Q)."""
        probabilities, numbers = self.predicted(self._output(outputs))
        return (probabilities, numbers) if self.num_classes else (numbers,)

    def _output(self, outputs: Tensor) -> RegressorOutput:
        return RegressorOutput(*self.targets.split(outputs, self.num_classes), self.targets)

    def head(self, embedding: Tensor) -> Tensor:
        """Return the head's outputs (N, K + T · Q) in fp32: half precision would round a mass of 500 GeV to 2 GeV."""
        with in_single_precision(embedding):
            return super().head(embedding.float())

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """Return the weights to start from, as `JetClassifier` does.

        A head that is taken keeps its scale of the numbers; a new one has that of the labels.
        """
        picked, own = super().pick_weights(state_dict), self.state_dict()
        heads = [key for key in own if key.startswith("fc.")]
        if all(key in picked and picked[key].shape == own[key].shape for key in heads):
            return picked
        return {key: value for key, value in picked.items() if not key.startswith(TARGETS)}
