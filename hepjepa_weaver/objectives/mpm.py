"""Masked particle modelling (2401.13537, 2409.12589): prediction of features of masked particles from visible ones."""

from dataclasses import dataclass

from torch import Tensor, nn

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets, in_old_order
from hepjepa_weaver.config import MpmConfig, MpmLossConfig
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.objectives.masked.feature_head import FeatureHead, FeatureLosses
from hepjepa_weaver.objectives.masked.objective import MaskedObjective


@dataclass(frozen=True)
class MpmOutput:
    """Output of one forward pass.

    Attributes:
        features: losses of the masked particles' features.
        embedding: (N, D), embeddings in the order of the batch: of whole jets in eval mode, of their contexts in
            training.
    """

    features: FeatureLosses
    embedding: Tensor


class MpmLoss(nn.Module):
    """Sum of the losses of continuous features and of particle types."""

    def __init__(self, config: MpmLossConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, output: MpmOutput) -> LossTerms:
        """Compute the weighted sum of both terms, and the terms."""
        return LossTerms(output.features.weighted(self.config.identity_weight), output.features.terms())


class MaskedParticleModel(MaskedObjective):
    """One encoder, a predictor and linear layers for the masked particles' features.

    As in MPMv2, masked particles are dropped from the encoder's input, not replaced.
    """

    def __init__(self, inputs: NetworkInputs, config: MpmConfig) -> None:
        super().__init__(inputs, config)
        self.feature_head = FeatureHead(self.predictor.dim, inputs.columns)

    def pretext_task(self, jets: Jets) -> MpmOutput:
        """Mask a part of each jet and predict the features of its particles from the rest."""
        view = self.hide(jets)
        context = self.context_encoder(view.context, view.context_pairs)
        states = self.predictor(context, view)
        losses = self.feature_head(states.hidden, view.hidden.features, view.hidden.is_real)
        embedding = in_old_order(self.pooled(context).detach(), view.order) if self.training else self.embed(jets)
        return MpmOutput(losses, embedding)
