"""Codes of particles from the continuous features of the harder ones, by ParT with a causal mask [2512.04149].

A second, bidirectional pass may predict the codes of masked particles. Shapes: N jets, P particles, D width.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets, in_old_order, mean_over_real, sent_to
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.omnijet import OmnijetConfig
from hepjepa_weaver.objectives.masked.code_losses import code_losses, composition_loss, of_masked
from hepjepa_weaver.objectives.masked.hiding import hide
from hepjepa_weaver.objectives.masked.objective import MaskedObjective
from hepjepa_weaver.objectives.next_token.decoded_particles import (
    TOTALS,
    axis_of_totals,
    check_columns,
    decoded_jets,
)
from hepjepa_weaver.objectives.next_token.objective import ClassLabel, NextTokenObjective, NextTokenOutput
from hepjepa_weaver.objectives.next_token.past_statistics import (
    PastStatistics,
    filled_with_mean,
    use_past_statistics,
)
from hepjepa_weaver.objectives.next_token.running_totals import particles_of, running_sums
from hepjepa_weaver.objectives.next_token.start_token import StartToken
from hepjepa_weaver.particle_transformer.bias import causal_bias
from hepjepa_weaver.tokens.fitted_statistics import STATISTICS
from hepjepa_weaver.tokens.frozen import TOKENIZER
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from hepjepa_weaver.tokens.stepwise_decoder import require_stepwise
from hepjepa_weaver.tokens.tokenizer import JetTokenizer
from hepjepa_weaver.weaver_api.log import logger


class NextTokenOfFeatures(NextTokenObjective, MaskedObjective):
    """ParT with a causal mask, a head to codes, a frozen tokenizer, and maybe a second pass with masked particles."""

    own_files: ClassVar[tuple[str, ...]] = (TOKENIZER, STATISTICS)
    heads_of: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **NextTokenObjective.heads_of,
        "to_masked_codes": (TOKENIZER,),
        "to_composition": (TOKENIZER, STATISTICS),
    }

    def __init__(
        self,
        inputs: NetworkInputs,
        config: OmnijetConfig,
        tokenizer: JetTokenizer,
        label: ClassLabel | None,
        statistics: ParticleStatistics | None = None,
    ) -> None:
        """Build the network.

        Args:
            inputs: reader and columns of the data config.
            config: options.
            tokenizer: the frozen tokenizer.
            label: the class that the start token tells; None without classes.
            statistics: statistics of particles, for a composition of clusters.
        """
        super().__init__(inputs, config)
        self.particle_statistics = statistics
        self.config, width = config.next, self.context_encoder.width
        self.past = PastStatistics()
        self.set_parts(config, tokenizer, label)
        self.left_out = inputs.columns.where(*TOTALS) if config.next.jet_totals == "left_out" else []
        self.start = StartToken(width, label.num_classes if label else 0, config.next.jet_totals == "given")
        if config.next.next_weight > 0:
            self._check_decodable(inputs)
        self.to_masked_codes = nn.Linear(self.predictor.dim, tokenizer.num_codes)
        self.to_composition: nn.Linear | None = None
        if config.next.composition_weight > 0:
            kinds = tokenizer.num_codes if statistics is None else statistics.config.clusters
            self.to_composition = nn.Linear(width, kinds)
        for part, weight in (((self.start, self.token_head, self.running_totals), config.next.next_weight),
                             ((self.predictor, self.to_masked_codes), config.next.masked_weight)):  # fmt: skip
            if weight == 0:  # without a gradient, which DDP refuses
                for module in filter(None, part):
                    module.requires_grad_(False)

    def _check_decodable(self, inputs: NetworkInputs) -> None:
        """Check that particles that codes give back can be read, as in generation; a transfer does not need them.

        Raises:
            UserError: they cannot, and the causal pass is to read them in training, too.
        """
        try:
            require_stepwise(self.tokenizer)
            check_columns(inputs.columns, self.tokenizer.particle_values.extra_names)
        except UserError as error:
            if self.config.reads == "decoded":
                raise
            logger.warning("this network can be fine-tuned, but will not make jets: %s", error)

    def train(self, mode: bool = True) -> "NextTokenOfFeatures":
        """Set training mode; the tokenizer stays in eval mode, and BatchNorm normalises with its past statistics."""
        super().train(mode)
        use_past_statistics(self.context_encoder)
        return self

    def pretext_task(self, jets: Jets, label: Tensor | None = None) -> NextTokenOutput:
        """Predict the code of each particle from those before it, and the codes of masked particles from the rest."""
        if self.training:
            jets = self.augment(jets)
        jets, ends = self.sequences(jets)
        order = jets.by_length()
        jets = jets.reordered(order)
        codes = self.tokenizer.codes(jets) if self.config.needs_codes else None
        found = NextTokenOutput(embedding=torch.empty(0))
        if self.config.next_weight > 0:
            assert codes is not None
            index = order.to(ends.device)
            totals = self.totals_told(jets)
            states = self.causal_states(self.as_read(jets, codes, totals), totals)
            label = None if label is None else label[index]
            front = self.start(len(codes), label, totals)
            self.keep_totals(totals, label)
            losses = self.token_head(
                torch.cat([front.to(states.dtype), states], dim=1), codes, jets.num_real, ends[index]
            )
            found = NextTokenOutput(mean_over_real(states.detach(), jets.is_real), losses)
        if self.config.has_masked_pass:
            found = replace(self._masked(jets, codes), next=found.next)
        if not self.training:  # as predicted, exported and fine-tuned: every particle sees the whole jet
            found = replace(found, embedding=self._embed_tokens(jets))
        return replace(found, embedding=in_old_order(found.embedding, order))

    def as_read(self, jets: Jets, codes: Tensor, totals: Tensor | None) -> Jets:
        """Return the jets whose particles the causal pass sees."""
        if self.config.reads == "measured":
            return jets
        axis = axis_of_totals(totals, len(codes), codes.device)
        return decoded_jets(self.tokenizer.particles(codes), axis, self.columns, jets.num_real)

    def causal_states(self, jets: Jets, totals: Tensor | None = None) -> Tensor:
        """Return states (N, P, D), each of its particle and those before it, and of the jets' totals (N, 4) if told."""
        norm = self.context_encoder.mod.embed.input_bn
        features = filled_with_mean(jets.features, self.left_out, norm)
        seen = Jets(jets.points, features, massless(jets.vectors), jets.is_real, jets.num_real)
        bias = causal_bias(jets.is_real.size(1), jets.features.device)
        if self.training:
            self.past.see(norm, jets.features)
        with self.past.watching(self.context_encoder, but=norm):
            states: Tensor = self.context_encoder(seen, attention_bias=bias).tokens
        if self.running_totals is not None:
            states = states + self.running_totals(running_sums(particles_of(jets)), totals).to(states.dtype)
        return states

    def _masked(self, jets: Jets, codes: Tensor | None) -> NextTokenOutput:
        """Return the losses of masked particles, whose codes are (N, P), with embeddings (N, D) of the visible part."""
        view = self.as_shown(hide(jets, self.masking))
        with self.past.watching(self.context_encoder):
            context = self.context_encoder(view.context, view.context_pairs)
        is_target = view.hidden.is_real
        wanted = None if codes is None else of_masked(codes[sent_to(codes.device, view.order)], view)
        masked = composition = None
        if self.config.masked_weight > 0:
            assert wanted is not None
            states = self.predictor(context, view).hidden
            masked = code_losses(self.to_masked_codes, states, wanted, is_target)
        if self.to_composition is not None:
            if self.particle_statistics is not None:
                wanted = self.particle_statistics.clusters(view.hidden.features)
            assert wanted is not None
            composition = composition_loss(self.to_composition(context.mean_token()), wanted, is_target)
        embedding = in_old_order(self.pooled(context).detach(), view.order)
        return NextTokenOutput(embedding, masked=masked, composition=composition)

    def after_optimizer_step(self, step: int, total_steps: int | None) -> None:
        """Count the step, and move the statistics of BatchNorm."""
        super().after_optimizer_step(step, total_steps)
        self.past.move()


def massless(vectors: Tensor) -> Tensor:
    """Return four-momenta (N, 4, P) in GeV without mass, as codes give them back: generation then sees the same."""
    momentum = vectors[:, :3]
    px2, py2, pz2 = momentum.square().unbind(dim=1)
    # Term by term, as in `write_features`: m² of a particle with itself is all rounding error.
    return torch.cat([momentum, (px2 + py2 + pz2).sqrt().unsqueeze(1)], dim=1)
