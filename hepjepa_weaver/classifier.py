"""A pre-trained encoder with a classification head, laid out like the stock ParT fine-tuning config."""

from typing import Any

import torch
from torch import Tensor, nn

from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.encoder import build_part
from hepjepa_weaver.errors import UserError
from hepjepa_weaver.inputs import JetReader

PRETRAINED_PREFIX = "target_encoder."
"""Where a pre-training checkpoint of any objective keeps the encoder that is used downstream."""


class JetClassifier(nn.Module):
    """ParT in `mod` and a head in `fc`, so that state dicts are interchangeable with the
    particle_transformer repository's fine-tuning config.

    Args:
        num_features: number C of particle features in the data config.
        num_classes: number K of labels in the data config.
    """

    def __init__(self, reader: JetReader, num_features: int, num_classes: int, config: FinetuneConfig) -> None:
        super().__init__()
        self.reader = reader
        self.freeze = config.head.freeze
        self.for_inference = config.weaver.for_inference
        self.has_weights = config.head.from_scratch
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

    def no_weight_decay(self) -> set[str]:
        """Names of parameters that weaver's optimiser set-up must not decay."""
        return {"mod.cls_token"}

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """As in torch; with `strict=False`, which is how weaver loads `--load-model-weights`, the encoder is
        picked out of a pre-training checkpoint and must fit.

        Raises:
            UserError: no encoder in the checkpoint, or one of another feature set or size.
        """
        if not strict:
            state_dict = pretrained_encoder(state_dict)
            check_fits(state_dict, self.mod.state_dict(prefix="mod."))
        self.has_weights = True
        return super().load_state_dict(state_dict, strict=strict, assign=assign)


def build_head(width: int, num_classes: int, fc_params: tuple[tuple[int, float], ...]) -> nn.Sequential:
    """Linear layers from `width` over the hidden (width, dropout) of `fc_params` to `num_classes`."""
    layers: list[nn.Module] = []
    for hidden, dropout in fc_params:
        layers.append(nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)))
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, num_classes))


def pretrained_encoder(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of `mod` in a pre-training checkpoint, or in one that already has this layout."""
    picked = {
        key.removeprefix(PRETRAINED_PREFIX): value
        for key, value in state_dict.items()
        if key.startswith(PRETRAINED_PREFIX)
    }
    return picked or {key: value for key, value in state_dict.items() if key.startswith("mod.")}


def check_fits(given: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raise a UserError unless `given` has every weight of `expected` in its shape."""
    if not given:
        raise UserError(
            "--load-model-weights: the checkpoint holds no encoder (no key starts with "
            f"'{PRETRAINED_PREFIX}mod.' or 'mod.'); give a checkpoint of hepjepa_pretrain.py"
        )
    found, wanted = describe_encoder(given), describe_encoder(expected)
    if found != wanted:
        raise UserError(
            f"--load-model-weights: the checkpoint's encoder has {found}, this network has {wanted}; use the data "
            "config and the -o encoder options of the pre-training"
        )
    unfit = [key for key, value in expected.items() if key not in given or given[key].shape != value.shape]
    if unfit:
        raise UserError(
            f"--load-model-weights: {len(unfit)} weights of the encoder are missing or of another shape, "
            f"first {unfit[0]}; the checkpoint is of another network"
        )


def describe_encoder(state_dict: dict[str, Tensor]) -> str:
    """Feature set and size of the ParT encoder in `state_dict`, for people."""

    def size(key: str, dim: int) -> int | str:
        return state_dict[key].shape[dim] if key in state_dict else "?"

    def count(name: str) -> int:
        return len({key.split(".")[2] for key in state_dict if key.startswith(f"mod.{name}.")})

    widths = [
        value.shape[0] for key, value in state_dict.items() if key.startswith("mod.embed.embed.") and value.ndim == 2
    ]
    pair_widths = [
        value.shape[0] for key, value in state_dict.items() if key.startswith("mod.pair_embed.") and value.ndim == 3
    ]
    return (
        f"{size('mod.embed.input_bn.weight', 0)} features, embed_dims {widths}, pair_embed_dims {pair_widths[:-1]}, "
        f"{size('mod.blocks.0.c_attn', 0)} heads, {count('blocks')} blocks and {count('cls_blocks')} class blocks"
    )
