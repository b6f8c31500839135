"""Masked particle modelling (2401.13537, 2409.12589): predict features of hidden particles from the visible ones."""

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
    """Losses of the features, and embeddings (N, D): in eval mode of whole jets, in training of their contexts, jets in
    the order of the batch."""

    features: FeatureLosses
    embedding: Tensor


class MpmLoss(nn.Module):
    """Sum of the losses of continuous features and of particle types."""

    def __init__(self, config: MpmLossConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, output: MpmOutput) -> LossTerms:
        return LossTerms(output.features.weighted(self.config.identity_weight), output.features.terms())


class MaskedParticleModel(MaskedObjective):
    """One encoder, a predictor and a linear head for the hidden particles' features; hidden particles are dropped from
    the encoder, not replaced, as in MPMv2."""

    def __init__(self, inputs: NetworkInputs, config: MpmConfig) -> None:
        super().__init__(inputs, config)
        self.feature_head = FeatureHead(self.predictor.dim, inputs.columns)

    def pretext_task(self, jets: Jets) -> MpmOutput:
        view = self.hide(jets)
        context = self.context_encoder(view.context, view.context_pairs)
        states = self.predictor(context, view)
        losses = self.feature_head(states.hidden, view.hidden.features, view.hidden.is_real)
        embedding = in_old_order(self.pooled(context).detach(), view.order) if self.training else self.embed(jets)
        return MpmOutput(losses, embedding)
