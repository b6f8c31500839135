"""Masked particle modelling (2401.13537, 2409.12589): prediction of what masked particles are from visible ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets, in_old_order
from hepjepa_weaver.config import MpmConfig, MpmTargetConfig
from hepjepa_weaver.model.encoder import EncodedJets, MaskedRow
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.objectives.masked.hiding import HiddenView
from hepjepa_weaver.objectives.masked.objective import MaskedObjective
from hepjepa_weaver.objectives.masked.particle_targets import ParticleTargets
from hepjepa_weaver.particle_transformer.token_row import TokenRow
from hepjepa_weaver.tokens.fitted_statistics import STATISTICS
from hepjepa_weaver.tokens.frozen import TOKENIZER
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from hepjepa_weaver.tokens.tokenizer import JetTokenizer


@dataclass(frozen=True)
class MpmOutput:
    """Output of one forward pass.

    Attributes:
        losses: losses of the targets, as scalars, by name.
        accuracies: fractions of codes and clusters that were the most likely ones, by name.
        embedding: (N, D), embeddings in the order of the batch: of whole jets in eval mode, of their contexts in
            training.
    """

    losses: Mapping[str, Tensor]
    accuracies: Mapping[str, Tensor]
    embedding: Tensor


class MpmLoss(nn.Module):
    """Weighted sum of the losses of all targets."""

    def __init__(self, config: MpmTargetConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, output: MpmOutput) -> LossTerms:
        """Compute the weighted sum of the terms, and the terms."""
        weighted = (getattr(self.config, f"{name}_weight") * loss for name, loss in output.losses.items())
        return LossTerms(sum(weighted, torch.zeros(())), {**output.losses, **output.accuracies})


class MaskedParticleModel(MaskedObjective):
    """One encoder, a predictor, and a head for each target of a masked particle.

    Masked particles are dropped from the encoder's input [MPMv2], or replaced by one learned vector [MPM]. Of a
    replaced particle nothing else goes in, apart from its pT rank with `pt_ranks`.
    """

    own_files = (TOKENIZER, STATISTICS)
    heads_of: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "targets.to_codes": (TOKENIZER,),
        "targets.to_clusters": (STATISTICS,),
        "targets.to_composition": (STATISTICS,),
    }

    def __init__(
        self,
        inputs: NetworkInputs,
        config: MpmConfig,
        tokenizer: JetTokenizer | None = None,
        statistics: ParticleStatistics | None = None,
    ) -> None:
        """Build the network.

        Args:
            inputs: reader and columns of the data config.
            config: options.
            tokenizer: the frozen tokenizer, for `token_weight`.
            statistics: statistics of particles, for clusters and normal values.
        """
        super().__init__(inputs, config)
        self.tokenizer, self.particle_statistics = tokenizer, statistics
        self.mask_vector: Tensor | None = None
        if config.masked.masked_input == "replaced":
            self.mask_vector = nn.Parameter(nn.init.trunc_normal_(torch.empty(config.encoder.width), std=0.02))
        num_codes = tokenizer.num_codes if tokenizer is not None else 0
        self.targets = ParticleTargets(config, self.predictor.dim, inputs.columns, statistics, num_codes)
        if not self.targets.reads_states:  # without a gradient, which DDP refuses
            self.predictor.requires_grad_(False)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Load as its base class does; the head of older checkpoints is found."""
        renamed = {name.replace("feature_head.", "targets.features.", 1) if name.startswith("feature_head.") else name:
                   value for name, value in state_dict.items()}  # fmt: skip
        return super().load_state_dict(renamed, strict=strict, assign=assign)

    def train(self, mode: bool = True) -> "MaskedParticleModel":
        """Set training mode; the tokenizer stays in eval mode."""
        super().train(mode)
        if self.tokenizer is not None:
            self.tokenizer.eval()
        return self

    def pretext_task(self, jets: Jets) -> MpmOutput:
        """Mask a part of each jet and predict what its particles are from the rest."""
        view = self.hide(jets)
        context = self.encoded_context(view)
        states = self.predictor(context, view).hidden
        codes = None if self.tokenizer is None else self.tokenizer.codes(view.jets)
        losses, accuracies = self.targets(states, context, view, self.particle_statistics, codes)
        embedding = in_old_order(self.pooled(context).detach(), view.order) if self.training else self.embed(jets)
        return MpmOutput(losses, accuracies, embedding)

    def encoded_context(self, view: HiddenView) -> EncodedJets:
        """Encode the visible particles, with learned vectors in place of the masked ones if they are replaced."""
        masked = None
        if self.mask_vector is not None:
            hidden = view.hidden
            vectors = self.mask_vector.expand(*hidden.is_real.shape, -1)
            masked = MaskedRow(TokenRow(vectors, hidden.is_real, hidden.num_real), hidden.pt())
        return self.context_encoder(view.context, view.context_pairs, masked=masked)  # type: ignore[no-any-return]
