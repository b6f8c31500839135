"""The two networks that tell samples, or classes, of jets apart.

They are small versions of those of OmniJet-α's evaluation (arXiv:2403.05618): a transformer with class attention, and a
particle-flow network (P. Komiske, E. Metodiev and J. Thaler, arXiv:1810.05165).

Shapes: N jets, P particles, C features, K classes.
"""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import Jets, sorted_by_length
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import EncoderConfig
from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.fidelity.classifier_inputs import NUM_FEATURES
from hepjepa_weaver.model.encoder import ParTEncoder
from hepjepa_weaver.particle_transformer.pairs import NUM_PAIR_FEATURES, Pairs

Network = Literal["transformer", "particle_flow"]
NETWORKS: tuple[Network, ...] = get_args(Network)

ID_WIDTH = 16
ENCODER = EncoderConfig(embed_dims=(64, 64), num_heads=4, num_layers=3, num_cls_layers=1, dropout=0.0, pair_bias=False)
PARTICLE_WIDTHS = (100, 100, 256)
JET_WIDTHS = (100, 100, 100)


class ParticleFlow(nn.Module):
    """Sum over particles of an MLP of their features, and an MLP of the sum."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.of_particle = _relu_layers(width, PARTICLE_WIDTHS)
        self.of_jet = nn.Sequential(_relu_layers(PARTICLE_WIDTHS[-1], JET_WIDTHS), nn.Linear(100, num_classes))

    def forward(self, features: Tensor, is_real: Tensor) -> Tensor:
        """Return scores (N, K) of features (N, P, C), of which (N, P) are real."""
        summed = (self.of_particle(features) * is_real.unsqueeze(2)).sum(dim=1)
        scores: Tensor = self.of_jet(summed)
        return scores


class Transformer(nn.Module):
    """Weaver's ParT of width 64 without its pairwise term: 3 particle blocks, a class block, and a linear layer."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.encoder = ParTEncoder(width, ENCODER, WeaverOptions())
        self.head = nn.Linear(ENCODER.width, num_classes)

    def forward(self, features: Tensor, is_real: Tensor) -> Tensor:
        """Return scores (N, K) of features (N, P, C), of which (N, P) are real, from the first slot on.

        A jet without particles keeps its first, empty slot: attention over nothing would give NaN.
        """
        first = torch.arange(is_real.size(1), device=is_real.device) == 0
        is_real = is_real | first
        by_feature = features.transpose(1, 2)
        unused = features.new_zeros(len(features), 4, is_real.size(1))
        jets = Jets(unused[:, :2], by_feature, unused, is_real, is_real.sum(dim=1).cpu())
        scores: Tensor = self.head(sorted_by_length(self._latent, jets))
        return scores

    def _latent(self, jets: Jets) -> Tensor:
        """Return the class token (N, D)."""
        latent: Tensor = self.encoder(jets, no_pairs(jets)).latent
        return latent


class IdClassifier(nn.Module):
    """A network behind a trained embedding of width 16 of token ids."""

    def __init__(self, network: nn.Module, codes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, ID_WIDTH)
        self.network = network

    def forward(self, ids: Tensor, is_real: Tensor) -> Tensor:
        """Return scores (N, K) of token ids (N, P), of which (N, P) are real."""
        scores: Tensor = self.network(self.embedding(ids), is_real)
        return scores


def no_pairs(jets: Jets) -> Pairs:
    """Return no pairs for an encoder without pairwise term, which does not read them."""
    empty = jets.num_real.new_zeros(0)
    return Pairs(empty, empty, empty, jets.vectors.new_zeros(0, NUM_PAIR_FEATURES), torch.zeros_like(jets.num_real))


def build_network(name: str, num_classes: int, codes: int = 0) -> nn.Module:
    """Build a network for K classes from five features, or from token ids if there are `codes` of them.

    Raises:
        UserError: there is no such network.
    """
    kinds: dict[str, Any] = {"transformer": Transformer, "particle_flow": ParticleFlow}
    if name not in kinds:
        raise UserError(f"unknown network {name}: choose from {', '.join(kinds)}")
    network: nn.Module = kinds[name](ID_WIDTH if codes else NUM_FEATURES, num_classes)
    return IdClassifier(network, codes) if codes else network


def _relu_layers(width: int, widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for below, above in zip((width, *widths), widths, strict=False):
        layers += [nn.Linear(below, above), nn.ReLU()]
    return nn.Sequential(*layers)
