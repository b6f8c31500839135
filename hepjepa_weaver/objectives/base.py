"""What the training loop and the validation ask of a pre-training objective."""

from typing import Protocol

from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.objectives.collapse import CollapseWatch


class PretextOutput(Protocol):
    """What an objective's forward pass gives to its loss. embedding: (N, D), the jets' embeddings."""

    @property
    def embedding(self) -> Tensor: ...


class Objective(Protocol):
    """A network to pre-train. `forward` gives a `PretextOutput` in training and embeddings (N, D) in eval mode."""

    reader: JetReader
    step: Tensor
    collapse: CollapseWatch

    def predict_hidden(self, jets: Jets) -> PretextOutput: ...
    def after_optimizer_step(self, step: int, total_steps: int | None) -> None: ...
    def ranks(self, output: PretextOutput) -> dict[str, Tensor]: ...
    def spreads(self, output: PretextOutput) -> dict[str, Tensor]: ...
    def monitors(self, output: PretextOutput) -> dict[str, Tensor]: ...
