"""A pre-trained encoder with a classification head, arranged like the stock ParT fine-tuning config."""

from typing import Any

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import Jets, sorted_by_length
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.model.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.model.patches import new_patches
from hepjepa_weaver.model.weights import (
    LoadsInitialWeights,
    Weights,
    check_encoder_fits,
    has_trained_class_token,
    pretrained_encoder,
)
from hepjepa_weaver.weaver_api import logger

CLASS_ATTENTION = ("mod.cls_token", "mod.cls_blocks.", "mod.norm.")


class JetClassifier(LoadsInitialWeights, ParTEncoder):
    """ParT in `mod` and a head in `fc`.

    With ParT's pooling and tokens, state dicts are interchangeable with the particle_transformer repository's
    fine-tuning config.

    Args:
        reader: converts weaver's inputs to jets.
        num_features: number C of particle features in the data config.
        num_classes: number K of labels in the data config.
        config: options of the network.
    """

    def __init__(self, reader: JetReader, num_features: int, num_classes: int, config: FinetuneConfig) -> None:
        patches = new_patches(config.tokens, num_features, config.encoder.width, config.weaver.for_inference)
        pools_mean = config.tuning.pooling == "mean"
        super().__init__(
            patches.num_features, config.encoder, config.weaver, not pools_mean, config.tokens.num_registers
        )
        self.reader, self.patches, self.tuning = reader, patches, config.tuning
        self.export_embedding = config.export.export_embedding
        self.has_weights = config.tuning.from_scratch
        self.fc = build_head(config.encoder.width, num_classes, config.head.fc_params, standardise=pools_mean)
        self.is_encoder_frozen = False
        self.frozen_parameters: list[nn.Parameter] = []
        if config.tuning.freeze:
            self.set_encoder_frozen(True)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return scores (N, K): logits or, when exported for inference, probabilities.

        With `export_embedding` the exported network also returns the embeddings (N, D) that the head gets.
        """
        jets = self.patches(self.reader(*inputs))
        if not self.reader.trim:  # ONNX: shapes and order are fixed
            embedding = self.embed(jets)
            probabilities = torch.softmax(self.fc(embedding), dim=1)
            return (probabilities, embedding) if self.export_embedding else probabilities
        scores: Tensor = self.fc(sorted_by_length(self.embed, jets))
        return scores

    def embed(self, jets: Jets) -> Tensor:
        """Return the vector (N, D) that the head gets."""
        encoded: EncodedJets = ParTEncoder.forward(self, jets)
        return encoded.mean_token() if encoded.latent is None else encoded.latent

    def head_names(self) -> set[str]:
        """Return the names of the parameters that belong to the head."""
        prefixes = ("fc.", *CLASS_ATTENTION) if self.tuning.pooling == "class_attention" else ("fc.",)
        return {name for name, _ in self.named_parameters() if name.startswith(prefixes)}

    def start_epoch(self, epoch: int) -> None:
        """Freeze the encoder in the first epochs, counted from 0, that train the head alone."""
        self.set_encoder_frozen(self.tuning.freeze or epoch < self.tuning.head_epochs)

    def set_encoder_frozen(self, is_frozen: bool) -> None:
        """Freeze or release the encoder.

        A frozen encoder gets no gradients. In training mode it has no dropout, and BatchNorm keeps its statistics.
        Parameters that were frozen before stay frozen: the optimiser does not know them.
        """
        if is_frozen == self.is_encoder_frozen:
            return
        self.is_encoder_frozen = is_frozen
        if is_frozen:
            head = self.head_names()
            encoder = [parameter for name, parameter in self.named_parameters() if name not in head]
            self.frozen_parameters = [parameter for parameter in encoder if parameter.requires_grad]
        for parameter in self.frozen_parameters:
            parameter.requires_grad_(not is_frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> "JetClassifier":
        """Set training mode; a frozen encoder stays in eval mode."""
        super().train(mode)
        if getattr(self, "is_encoder_frozen", False):
            self.mod.eval()
        return self

    def check_ready(self) -> None:
        """Raise a UserError if the weights are random and `-o from_scratch` does not allow that."""
        if not self.has_weights:
            raise UserError(
                "nothing to fine-tune: give --load-model-weights <pre-training checkpoint>, or -o from_scratch True"
            )

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Load the weights and note that they are no longer random."""
        result = super().load_state_dict(state_dict, strict=strict, assign=assign)
        self.has_weights = True
        return result

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """Return the weights to start from.

        A pre-training checkpoint gives its encoder. A fine-tuned one gives its encoder, and its head if that has this
        shape.

        Raises:
            UserError: the checkpoint has no encoder, or one with other features or of another size.
        """
        own = self.state_dict()
        pretrained = pretrained_encoder(state_dict)
        picked = pretrained or {
            key: value
            for key, value in state_dict.items()
            if key.startswith("mod.") or (key in own and own[key].shape == value.shape)
        }
        check_encoder_fits(picked, {key: value for key, value in own.items() if not key.startswith("fc.")})
        if pretrained and self.tuning.pooling == "class_attention":
            return {key: value for key, value in picked.items() if not key.startswith(CLASS_ATTENTION)}
        if pretrained and self.tuning.pooling == "class_token" and not has_trained_class_token(picked):
            self._warn_of_random_class_token()
        return picked

    def _warn_of_random_class_token(self) -> None:
        """Warn of class blocks that start at random, or raise a UserError if nothing is going to train them."""
        message = (
            "the checkpoint's pre-training did not train its class token, so that -o pooling class_token starts from "
            "random class blocks; -o pooling mean uses what was trained"
        )
        if self.tuning.freeze:
            raise UserError(f"--load-model-weights: {message}")
        logger.warning(message)


def build_head(
    width: int, num_classes: int, fc_params: tuple[tuple[int, float], ...], standardise: bool = False
) -> nn.Sequential:
    """Build linear layers from `width` through the hidden (width, dropout) of `fc_params` to `num_classes`.

    Args:
        width: width of the input.
        num_classes: width of the output.
        fc_params: (width, dropout) of each hidden layer.
        standardise: put a BatchNorm without parameters in front, for inputs that are not normalised.
    """
    layers: list[nn.Module] = [nn.BatchNorm1d(width, affine=False)] if standardise else []
    for hidden, dropout in fc_params:
        layers.append(nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)))
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, num_classes))
