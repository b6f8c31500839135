"""Weaver's ParT, wired as in the particle_transformer repository's example config, without any code of ours.

It has the hooks `get_model` and `get_loss` of a network config; all else is left to weaver's defaults.
"""

from typing import Any

from torch import Tensor, nn
from weaver.nn.model.ParticleTransformer import ParticleTransformer


class StockParT(nn.Module):
    """ParT in `mod`, called with weaver's four input groups."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.mod = ParticleTransformer(**options)

    def forward(self, points: Tensor, features: Tensor, lorentz_vectors: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        """Return logits (N, K) of N jets for K classes; weaver passes `points` too, which ParT does not read."""
        logits: Tensor = self.mod(features, v=lorentz_vectors, mask=mask)
        return logits


def get_model(data_config: Any, **options: Any) -> tuple[nn.Module, dict[str, Any]]:
    settings = {
        "input_dim": len(data_config.input_dicts["pf_features"]),
        "num_classes": len(data_config.label_value),
        "pair_input_dim": 4,
        "use_pre_activation_pair": False,
        "block_params": None,  # weaver's dropout of 0.1
        "cls_block_params": {"dropout": 0, "attn_dropout": 0, "activation_dropout": 0},
        "fc_params": [],
        "activation": "gelu",
        "trim": True,
        **options,
    }
    return StockParT(**settings), {}


def get_loss(data_config: Any, **options: Any) -> nn.Module:
    return nn.CrossEntropyLoss()
