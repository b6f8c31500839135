"""The output of HEP-JEPA's forward pass, and its loss."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.config import LossConfig
from hepjepa_weaver.objectives.losses import LossTerms, masked_smooth_l1
from hepjepa_weaver.objectives.masked.feature_head import FeatureLosses
from hepjepa_weaver.objectives.regularisers import covariance_penalty, koleo, sigreg, variance_hinge
from hepjepa_weaver.runtime.ranks import gathered


@dataclass(frozen=True)
class JepaOutput:
    """Output of one forward pass in training.

    All attributes but `embedding` have the jets sorted by their number of particles.

    Attributes:
        predicted_tokens: (N, T, D), predicted embeddings of the masked particles. If the loss is on all particles,
            those of the context stand behind them.
        target_tokens: (N, T, D), normalised embeddings of these particles from the target encoder.
        is_target: (N, T), False for padding.
        predicted_latent: (N, D), predicted embedding of the whole jet; None without an event loss.
        target_latent: (N, D), its normalised target; None without an event loss.
        encoded_tokens: (N, T, D), targets of the particles before normalisation.
        encoded_latent: (N, D), target of the whole jet before normalisation; None without an event loss.
        context_embedding: (N, D), vector of the context from the context encoder: its event latent or, without an event
            loss, its mean token.
        features: losses of the masked particles' features; None without a regression term.
        composition: loss of the fractions of masked particles in each cluster, a scalar; None without it.
        embedding: (N, D), the jets' embeddings by the target encoder, in the order of the batch. In eval mode they are
            by the encoder that `-o embed_with` names.
    """

    predicted_tokens: Tensor
    target_tokens: Tensor
    is_target: Tensor
    predicted_latent: Tensor | None
    target_latent: Tensor | None
    encoded_tokens: Tensor
    encoded_latent: Tensor | None
    context_embedding: Tensor
    features: FeatureLosses | None
    composition: Tensor | None
    embedding: Tensor


class JepaLoss(nn.Module):
    """Smooth-L1 on the embeddings of masked particles, and all other terms that have a weight in `LossConfig`."""

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, output: JepaOutput) -> LossTerms:
        """Compute the weighted sum of all terms, and the terms."""
        config, beta = self.config, self.config.smooth_l1_beta
        particle = masked_smooth_l1(output.predicted_tokens.float(), output.target_tokens, output.is_target, beta)
        terms, total = {"particle": particle}, config.particle_weight * particle
        if output.predicted_latent is not None and output.target_latent is not None:
            terms["event"] = F.smooth_l1_loss(output.predicted_latent.float(), output.target_latent, beta=beta)
            total = total + config.event_weight * terms["event"]
        if output.features is not None:
            terms |= output.features.terms()
            total = total + config.regression_weight * output.features.weighted(config.identity_weight)
        if output.composition is not None:
            terms["composition"] = output.composition
            total = total + config.composition_weight * output.composition
        for name, weight, regularizer in (
            ("koleo", config.koleo_weight, koleo),
            ("sigreg", config.sigreg_weight, sigreg),
            ("variance", config.variance_weight, variance_hinge),
            ("covariance", config.covariance_weight, covariance_penalty),
        ):
            if weight > 0:
                # Half precision is too coarse for the matrix products of embeddings that are close to each other.
                with torch.autocast("cuda" if output.context_embedding.is_cuda else "cpu", enabled=False):
                    terms[name] = regularizer(gathered(output.context_embedding))
                total = total + weight * terms[name]
        return LossTerms(total, terms)
