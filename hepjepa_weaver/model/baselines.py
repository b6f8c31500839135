"""Weaver's own networks behind weaver's inputs.

The modules are named as in the particle_transformer repository, so that its published weights load as they are.
"""

from typing import Any

from torch import Tensor, nn

from hepjepa_weaver.batch.augmentation import Augmentation
from hepjepa_weaver.batch.jets import Jets, sorted_by_length
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.config import ParticleNetConfig
from hepjepa_weaver.model.weights import LoadsInitialWeights
from hepjepa_weaver.particle_transformer.encode import Extra, Wanted
from hepjepa_weaver.particle_transformer.encode_packed import encode_in
from hepjepa_weaver.particle_transformer.pairs import real_pairs
from hepjepa_weaver.particle_transformer.supported import check_supported
from hepjepa_weaver.runtime.compiled import Layout
from hepjepa_weaver.weaver_api.networks import ParticleNet


class Baseline(LoadsInitialWeights):
    """A network of weaver's, head included, in `mod`.

    Args:
        reader: converts weaver's inputs to jets.
        network: weaver's network.
        augment: augmentation in training; None for none.
    """

    mod: Any

    def __init__(self, reader: JetReader, network: nn.Module, augment: Augmentation | None = None) -> None:
        super().__init__()
        self.reader, self.mod, self.augment = reader, network, augment

    def read(self, *inputs: Tensor) -> Jets:
        """Return the jets of weaver's inputs, augmented in training."""
        jets = self.reader(*inputs)
        return self.augment(jets) if self.training and self.augment is not None else jets


class ParticleTransformerWrapper(Baseline):
    """ParT."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return scores (N, K) of N jets for K classes."""
        jets = self.read(*inputs)
        scores: Tensor = self.mod(jets.features, v=jets.vectors, mask=jets.is_real.unsqueeze(1))
        return scores


class FastParticleTransformer(Baseline):
    """ParT, trimmed by weaver and computed by this package: the scores are those of `ParticleTransformerWrapper`.

    Args:
        reader: converts weaver's inputs to jets.
        network: weaver's ParticleTransformer, version 1.
        augment: augmentation in training; None for none.
        layout: how the particles of a batch are computed.

    Raises:
        WeaverChanged: weaver's ParT has parts that are not computed here.
    """

    def __init__(
        self, reader: JetReader, network: nn.Module, augment: Augmentation | None, layout: Layout = "padded"
    ) -> None:
        super().__init__(reader, network, augment)
        check_supported(network, trims=True)
        self.layout = layout

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return scores (N, K) of N jets for K classes."""
        return sorted_by_length(self._scores, self._trimmed(self.read(*inputs)))

    def _trimmed(self, jets: Jets) -> Jets:
        """Return the jets as weaver's ParT trims them, in training with particles in random order.

        Points are not read behind this.
        """
        mask = jets.is_real.unsqueeze(1)
        features, vectors, mask, _ = self.mod.trimmer(jets.features, v=jets.vectors, mask=mask)
        is_real = mask.squeeze(1)
        num_real = is_real.sum(dim=1).cpu()
        points = jets.points[:, :, : is_real.size(1)]
        trimmed = Jets(points, features, vectors, is_real, num_real)
        is_sorted = bool((is_real[:, 1:] <= is_real[:, :-1]).all())  # as weaver pads, but not all loaders do
        return trimmed if is_sorted else trimmed.gather(is_real, num_real)

    def _scores(self, jets: Jets) -> Tensor:
        _, latent, _ = encode_in(self.layout, self.mod, jets, real_pairs(jets), Wanted(), Extra())
        scores: Tensor = self.mod.fc(latent)
        return scores


class ParticleNetWrapper(Baseline):
    """ParticleNet."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return scores (N, K) of N jets for K classes."""
        jets = self.read(*inputs)
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
