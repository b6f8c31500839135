"""Weaver's own networks behind weaver's inputs.

The modules are named as in the particle_transformer repository, so that its published weights load as they are.
"""

from typing import Any

from torch import Tensor, nn

from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.config import ParticleNetConfig
from hepjepa_weaver.model.weights import LoadsInitialWeights
from hepjepa_weaver.weaver_api import ParticleNet


class Baseline(LoadsInitialWeights):
    """A network of weaver's, head included, in `mod`."""

    def __init__(self, reader: JetReader, network: nn.Module) -> None:
        super().__init__()
        self.reader = reader
        self.mod = network


class ParticleTransformerWrapper(Baseline):
    """ParT."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return scores (N, K) of N jets for K classes."""
        jets = self.reader(*inputs)
        scores: Tensor = self.mod(jets.features, v=jets.vectors, mask=jets.is_real.unsqueeze(1))
        return scores


class ParticleNetWrapper(Baseline):
    """ParticleNet."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return scores (N, K) of N jets for K classes."""
        jets = self.reader(*inputs)
        scores: Tensor = self.mod(jets.points, jets.features, jets.is_real.unsqueeze(1))
        return scores


def build_particlenet(input_dim: int, num_classes: int, config: ParticleNetConfig) -> Any:
    """Build weaver's ParticleNet for `input_dim` features per particle."""
    layers = config.layers
    return ParticleNet(
        input_dims=input_dim,
        num_classes=num_classes,
        conv_params=layers.conv_params,
        fc_params=layers.fc_params,
        use_fusion=layers.use_fusion,
        use_fts_bn=layers.use_fts_bn,
        use_counts=layers.use_counts,
        for_inference=config.weaver.for_inference,
        use_amp=config.weaver.use_amp,
        compile_model=config.weaver.compile_model,
    )
