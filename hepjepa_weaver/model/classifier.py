"""A pre-trained encoder with a classification head, arranged like the stock ParT fine-tuning config."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.augmentation import Augmentation
from hepjepa_weaver.batch.jets import Jets, sorted_by_length
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.model.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.model.fine_tuning import FineTuned
from hepjepa_weaver.model.patches import new_patches
from hepjepa_weaver.model.pooling import Summation
from hepjepa_weaver.model.weights import (
    Weights,
    check_encoder_fits,
    has_trained_class_token,
    pretrained_encoder,
)
from hepjepa_weaver.particle_transformer.bias import causal_bias
from hepjepa_weaver.weaver_api.log import logger

CLASS_ATTENTION = ("mod.cls_token", "mod.cls_blocks.", "mod.norm.")


class JetClassifier(FineTuned, ParTEncoder):
    """ParT in `mod` and a head in `fc`.

    With ParT's pooling and tokens, state dicts are interchangeable with the particle_transformer repository's
    fine-tuning config.

    Args:
        reader: converts weaver's inputs to jets.
        num_features: number C of particle features in the data config.
        num_classes: number K of labels in the data config.
        config: options of the network.
        augment: augmentation in training; None for none.

    Attributes:
        own_prefixes: beginnings of the names of weights that a pre-training does not give.
    """

    own_prefixes: ClassVar[tuple[str, ...]] = ("fc.", "summation.")

    def __init__(
        self,
        reader: JetReader,
        num_features: int,
        num_classes: int,
        config: FinetuneConfig,
        augment: Augmentation | None = None,
    ) -> None:
        patches = new_patches(config.tokens, num_features, config.encoder.width, config.weaver.for_inference)
        pools_mean, pools_sum = (config.tuning.pooling == kind for kind in ("mean", "sum"))
        with_latent = not (pools_mean or pools_sum)
        super().__init__(patches.num_features, config.encoder, config.weaver, with_latent, config.tokens.num_registers,
                         config.tokens.pt_ranks, config.speed.layout)  # fmt: skip
        self.reader, self.patches = reader, patches
        self.augment = augment
        self.export_embedding = config.export.export_embedding
        self.summation = Summation(config.encoder.width) if pools_sum else None
        self.fc = build_head(config.encoder.width, num_classes, config.head.fc_params, standardise=not with_latent)
        self.set_tuning(config.tuning)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:  # type: ignore[override]
        """Return scores (N, K): logits or, when exported for inference, probabilities.

        With `export_embedding` the exported network also returns the embeddings (N, D) that the head gets.
        """
        if not self.reader.trim:  # ONNX: shapes and order are fixed
            embedding = self.embed(self.patches(self.reader(*inputs)))
            found = self.exported(self.head(embedding))
            return (*found, embedding) if self.export_embedding else found if len(found) > 1 else found[0]
        return self.outputs_of(*inputs)

    def outputs_of(self, *inputs: Tensor) -> Tensor:
        """Return the head's outputs (N, K) for weaver's inputs."""
        jets = self.reader(*inputs)
        if self.training and self.augment is not None:
            jets = self.augment(jets)
        return self.head(sorted_by_length(self.embed, self.patches(jets)))

    def head(self, embedding: Tensor) -> Tensor:
        """Return the head's outputs (N, K) for the vectors (N, D) that it gets."""
        outputs: Tensor = self.fc(embedding)
        return outputs

    def exported(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the exported network, besides embeddings, from those of the head (N, K)."""
        return (torch.softmax(outputs, dim=1),)

    def embed(self, jets: Jets) -> Tensor:
        """Return the vector (N, D) that the head gets."""
        encoded = self._encoded(jets)
        if self.summation is not None:
            return self.summation(encoded.tokens, encoded.is_real)  # type: ignore[no-any-return]
        return encoded.mean_token() if encoded.latent is None else encoded.latent

    def _encoded(self, jets: Jets) -> EncodedJets:
        if self.tuning.attention == "full":
            return ParTEncoder.forward(self, jets)
        bias = causal_bias(jets.is_real.size(1), jets.features.device)
        return ParTEncoder.forward(self, jets.in_pt_order(), attention_bias=bias)

    def head_names(self) -> set[str]:
        """Return the names of the parameters that belong to the head."""
        prefixes = JetClassifier.own_prefixes
        if self.tuning.pooling == "class_attention":
            prefixes = (*prefixes, *CLASS_ATTENTION)
        return {name for name, _ in self.named_parameters() if name.startswith(prefixes)}

    @property
    def encoder_part(self) -> nn.Module:
        """ParT, with its class blocks."""
        return self.mod  # type: ignore[no-any-return]

    @property
    def num_blocks(self) -> int:
        """Number of particle blocks."""
        return len(self.mod.blocks)

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
        expected = {key: value for key, value in own.items() if not key.startswith(self.own_prefixes)}
        check_encoder_fits(picked, expected)
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
