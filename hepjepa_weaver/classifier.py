"""A pre-trained encoder with a classification head, laid out like the stock ParT fine-tuning config."""

from typing import Any

import torch
from torch import Tensor, nn

from hepjepa_weaver.checkpoint import LoadsInitialWeights, Weights, check_encoder_fits, pretrained_encoder
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.encoder import build_part
from hepjepa_weaver.errors import UserError
from hepjepa_weaver.inputs import JetReader


class JetClassifier(LoadsInitialWeights):
    """ParT in `mod` and a head in `fc`, so that state dicts are interchangeable with the
    particle_transformer repository's fine-tuning config.

    Args:
        num_features: number C of particle features in the data config.
        num_classes: number K of labels in the data config.
    """

    def __init__(self, reader: JetReader, num_features: int, num_classes: int, config: FinetuneConfig) -> None:
        super().__init__()
        self.reader = reader
        self.freeze = config.tuning.freeze
        self.for_inference = config.weaver.for_inference
        self.has_weights = config.tuning.from_scratch
        self.mod = build_part(num_features, config.encoder, config.weaver)
        self.fc = build_head(config.encoder.width, num_classes, config.head.fc_params)
        if self.freeze:
            self.mod.requires_grad_(False)

    def train(self, mode: bool = True) -> "JetClassifier":
        """A frozen encoder stays in eval mode: no dropout, and BatchNorm keeps its statistics."""
        super().train(mode)
        if self.freeze:
            self.mod.eval()
        return self

    def forward(self, *inputs: Tensor) -> Tensor:
        """Scores (N, K): logits, or probabilities when exported for inference."""
        jets = self.reader(*inputs)
        scores: Tensor = self.fc(self.mod(jets.features, v=jets.vectors, mask=jets.is_real.unsqueeze(1)))
        return torch.softmax(scores, dim=1) if self.for_inference else scores

    def check_ready(self) -> None:
        """Raise a UserError if the weights are random and nobody asked for that."""
        if not self.has_weights:
            raise UserError(
                "nothing to fine-tune: give --load-model-weights <pre-training checkpoint>, or -o from_scratch True"
            )

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        result = super().load_state_dict(state_dict, strict=strict, assign=assign)
        self.has_weights = True
        return result

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """The encoder of a pre-training checkpoint, or encoder and (if it has this shape) head of a fine-tuned one.

        Raises:
            UserError: no encoder in the checkpoint, or one of another feature set or size.
        """
        own = self.state_dict()
        picked = pretrained_encoder(state_dict) or {
            key: value
            for key, value in state_dict.items()
            if key.startswith("mod.") or (key in own and own[key].shape == value.shape)
        }
        check_encoder_fits(picked, self.mod.state_dict(prefix="mod."))
        return picked


def build_head(width: int, num_classes: int, fc_params: tuple[tuple[int, float], ...]) -> nn.Sequential:
    """Linear layers from `width` over the hidden (width, dropout) of `fc_params` to `num_classes`."""
    layers: list[nn.Module] = []
    for hidden, dropout in fc_params:
        layers.append(nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)))
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, num_classes))
