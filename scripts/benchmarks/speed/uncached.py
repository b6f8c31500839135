"""Generation without a cache: every token computes the jet so far anew. A cache has to beat it, and to equal it."""

import torch
from torch import Tensor

from hepjepa_weaver.generation.generator import Model
from hepjepa_weaver.objectives.next_token.decoded_particles import axis_of_totals, decoded_jets
from hepjepa_weaver.objectives.next_token.of_ids import NextTokenOfIds


class UncachedSteps:
    """Steps of a model (`generation.steps.Steps`) that keep nothing but the codes.

    Args:
        model: the network, in eval mode, without classes and jet totals.
        num_jets: number N of jets.
    """

    def __init__(self, model: Model, num_jets: int) -> None:
        self.model = model
        device = next(model.parameters()).device
        self.codes = torch.zeros(num_jets, 0, dtype=torch.long, device=device)
        self.axis = axis_of_totals(None, num_jets, device)

    def first(self) -> Tensor:
        """Return the scores (N, K + 1) of the first token."""
        return self._scores()

    def after(self, codes: Tensor) -> Tensor:
        """Return the scores (N, K + 1) of the token behind the codes (N,)."""
        self.codes = torch.cat([self.codes, codes.unsqueeze(1)], dim=1)
        return self._scores()

    def keep(self, jets: Tensor) -> None:
        """Go on with some of the jets, given by their places (n,)."""
        self.codes, self.axis = self.codes[jets], self.axis.keep(jets)

    def _scores(self) -> Tensor:
        number = torch.full((len(self.codes),), self.codes.size(1))
        head = self.model.token_head
        return head.logits(head.states(self._states(number), number + 1)[:, -1])

    def _states(self, number: Tensor) -> Tensor:
        if isinstance(self.model, NextTokenOfIds):
            return self.model.states(self.codes, number)
        front = self.model.start(len(self.codes))
        if not self.codes.size(1):
            return front
        particles = self.model.tokenizer.particles(self.codes)
        jets = decoded_jets(particles, self.axis, self.model.columns, number)
        return torch.cat([front, self.model.causal_states(jets)], dim=1)
