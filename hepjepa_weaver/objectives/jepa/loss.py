"""The output of HEP-JEPA's forward pass, and its loss."""

from dataclasses import dataclass
from typing import TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.config import LossConfig
from hepjepa_weaver.objectives.losses import LossTerms, masked_smooth_l1
from hepjepa_weaver.objectives.masked.feature_head import FeatureLosses
from hepjepa_weaver.objectives.regularisers import covariance_penalty, koleo, sigreg, variance_hinge
from hepjepa_weaver.runtime.precision import in_single_precision
from hepjepa_weaver.runtime.ranks import gathered


class ParticleParts(TypedDict):
    """Attributes of `JepaOutput` that are of single particles."""

    predicted_tokens: Tensor | None
    target_tokens: Tensor | None
    encoded_tokens: Tensor
    is_target: Tensor


@dataclass(frozen=True)
class JepaOutput:
    """Output of one forward pass in training.

    All attributes but `embedding` have the jets sorted by their number of particles.

    Attributes:
        predicted_tokens: (N, T, D), predicted embeddings of the masked particles. If the loss is on all particles,
            those of the context stand behind them. None without a loss of particles.
        target_tokens: (N, T, D), normalised embeddings of these particles from the target encoder; None as well.
        is_target: (N, T), False for padding.
        predicted_latent: (N, D), predicted embedding of the whole jet; None without an event loss.
        target_latent: (N, D), its normalised target; None without an event loss.
        encoded_tokens: (N, T, D), targets of the particles before normalisation; without a loss of particles, those of
            all particles of the jets.
        encoded_latent: (N, D), target of the whole jet before normalisation; None without an event loss.
        context_embedding: (N, D), vector of the context from the context encoder: its event latent or, without an event
            loss, its mean token.
        features: losses of the masked particles' features; None without a regression term.
        composition: loss of the fractions of masked particles in each cluster, a scalar; None without it.
        embedding: (N, D), the jets' embeddings by the target encoder, in the order of the batch. In eval mode they are
            by the encoder that `-o embed_with` names.
    """

    predicted_tokens: Tensor | None
    target_tokens: Tensor | None
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
    """The terms that have a weight in `LossConfig`: smooth-L1 on embeddings, composition, regularisers."""

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, output: JepaOutput) -> LossTerms:
        """Compute the weighted sum of all terms, and the terms."""
        config, beta = self.config, self.config.smooth_l1_beta
        terms, total = {}, output.context_embedding.new_zeros((), dtype=torch.float32)
        if output.predicted_tokens is not None and output.target_tokens is not None:
            predicted = output.predicted_tokens.float()
            terms["particle"] = masked_smooth_l1(predicted, output.target_tokens, output.is_target, beta)
            total = total + config.particle_weight * terms["particle"]
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
                with in_single_precision(output.context_embedding):
                    terms[name] = regularizer(gathered(output.context_embedding))
                total = total + weight * terms[name]
        return LossTerms(total, terms)
