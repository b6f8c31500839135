"""A next-token model one token at a time: scores of the next token from the codes so far.

Shapes: N jets, K codes (code K is the stop token), D width.
"""

from typing import Protocol

import torch
from torch import Tensor

from hepjepa_weaver.objectives.next_token.decoded_particles import JetAxis, decoded_jets
from hepjepa_weaver.objectives.next_token.of_features import NextTokenOfFeatures, massless
from hepjepa_weaver.objectives.next_token.of_ids import NextTokenOfIds
from hepjepa_weaver.objectives.next_token.past_statistics import filled_with_mean
from hepjepa_weaver.objectives.next_token.running_totals import NUM_SUMS, running_sums
from hepjepa_weaver.particle_transformer.stepwise import StepwiseEncoder
from hepjepa_weaver.tokens.stepwise_decoder import StepwiseDecoder


class Steps(Protocol):
    """N jets that grow by a particle at a time."""

    def first(self) -> Tensor:
        """Return the scores (N, K + 1) of the first token."""
        ...

    def after(self, codes: Tensor) -> Tensor:
        """Return the scores (N, K + 1) of the token behind the codes (N,)."""
        ...

    def keep(self, jets: Tensor) -> None:
        """Go on with some of the jets, given by their places (n,)."""
        ...


class IdSteps:
    """Steps of a model that reads codes, with its keys and values kept."""

    def __init__(
        self, model: NextTokenOfIds, num_jets: int, length: int, label: Tensor | None, totals: Tensor | None = None
    ) -> None:
        self.model, self.totals = model, totals
        self.start = model.id_encoder.start(num_jets, label, totals)
        self.encoder_caches = model.id_encoder.new_caches(num_jets, length)
        self.head_caches = model.token_head.new_caches(num_jets, length)
        self.sums = self.start.new_zeros(num_jets, 1, NUM_SUMS)
        self.decoder = None if model.running_totals is None else StepwiseDecoder(model.tokenizer, num_jets, length)

    def first(self) -> Tensor:
        """Return the scores (N, K + 1) of the first token."""
        return self._next(self.start)

    def after(self, codes: Tensor) -> Tensor:
        """Return the scores (N, K + 1) of the token behind the codes (N,)."""
        embedded = self.model.id_encoder.embed(codes.unsqueeze(1))
        if self.model.running_totals is not None and self.decoder is not None:
            self.sums = self.sums + running_sums(self.decoder.next_particle(codes))
            embedded = embedded + self.model.running_totals(self.sums, self.totals)
        return self._next(embedded)

    def keep(self, jets: Tensor) -> None:
        """Go on with some of the jets, given by their places (n,)."""
        self.sums, self.totals = self.sums[jets], None if self.totals is None else self.totals[jets]
        if self.decoder is not None:
            self.decoder.keep(jets)
        for cache in (*self.encoder_caches, *self.head_caches):
            cache.keep(jets)

    def _next(self, embedded: Tensor) -> Tensor:
        states = self.model.id_encoder.next_token(embedded, self.encoder_caches)
        return self.model.token_head.next_logits(states, self.head_caches)


class FeatureSteps:
    """Steps of a model that reads particles: each code is decoded, and its particle goes in again."""

    def __init__(
        self, model: NextTokenOfFeatures, num_jets: int, length: int, label: Tensor | None, axis: JetAxis,
        totals: Tensor | None,
    ) -> None:  # fmt: skip
        """Start jets.

        Args:
            model: the network, in eval mode.
            num_jets: number N.
            length: largest number of particles of a jet.
            label: (N,), class of each jet; None without classes.
            axis: axis and totals of the jets.
            totals: (N, 4), the same as the start token takes them; None without.
        """
        self.model, self.axis, self.totals = model, axis, totals
        self.start = model.start(num_jets, label, totals)
        self.decoder = StepwiseDecoder(model.tokenizer, num_jets, length)
        encoder = model.context_encoder
        self.encoder = StepwiseEncoder(encoder.mod, encoder.register_token, num_jets, length)
        self.head_caches = model.token_head.new_caches(num_jets, length)
        self.sums = self.start.new_zeros(num_jets, 1, NUM_SUMS)

    def first(self) -> Tensor:
        """Return the scores (N, K + 1) of the first token."""
        return self.model.token_head.next_logits(self.start, self.head_caches)

    def after(self, codes: Tensor) -> Tensor:
        """Return the scores (N, K + 1) of the token behind the codes (N,)."""
        particles = self.decoder.next_particle(codes)
        jets = decoded_jets(particles, self.axis, self.model.columns, torch.ones(len(codes), dtype=torch.long))
        norm = self.model.context_encoder.mod.embed.input_bn
        features = filled_with_mean(jets.features, self.model.left_out, norm)
        states = self.encoder.next_particle(features, massless(jets.vectors))
        if self.model.running_totals is not None:
            self.sums = self.sums + running_sums(particles)
            states = states + self.model.running_totals(self.sums, self.totals)
        return self.model.token_head.next_logits(states, self.head_caches)

    def keep(self, jets: Tensor) -> None:
        """Go on with some of the jets, given by their places (n,)."""
        self.axis = self.axis.keep(jets)
        self.sums, self.totals = self.sums[jets], None if self.totals is None else self.totals[jets]
        self.decoder.keep(jets)
        self.encoder.keep(jets)
        for cache in self.head_caches:
            cache.keep(jets)
