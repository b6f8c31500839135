"""Draw jets token by token, each until its stop token.

Shapes: N jets, P particles, K codes (code K is the stop token).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from hepjepa_weaver.generation.steps import Steps
from hepjepa_weaver.tokens.tokenizer import PADDING

FEW_LEFT = 0.7
"""Fraction of the jets of a batch below which those that have ended are taken out."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn.

    Attributes:
        temperature: the scores are divided by it; below 1 likely tokens become likelier.
        top_k: draw from the K most likely tokens only; 0 draws from all.
    """

    temperature: float = 1.0
    top_k: int = 0

    def draw(self, scores: Tensor, generator: torch.Generator) -> Tensor:
        """Return tokens (N,) drawn by their scores (N, K + 1)."""
        scores = scores.float() / self.temperature
        if 0 < self.top_k < scores.size(1):
            lowest = scores.topk(self.top_k, dim=1).values[:, -1:]
            scores = scores.masked_fill(scores < lowest, -torch.inf)
        # One random number per jet in place of one per code, as multinomial takes: five times as fast on a CPU.
        probability = scores.softmax(dim=1)
        cumulative = probability.cumsum(dim=1)
        level = torch.rand(len(scores), 1, generator=generator, device=scores.device) * cumulative[:, -1:]
        below_all = torch.nextafter(cumulative[:, -1:], torch.zeros_like(level))
        drawn = torch.searchsorted(cumulative, level.minimum(below_all), right=True)
        is_impossible = probability.gather(1, drawn) == 0  # a sum in parallel may fall by a rounding error
        if bool(is_impossible.any()):
            drawn = torch.where(is_impossible, probability.argmax(dim=1, keepdim=True), drawn)
        return drawn.squeeze(1)


@dataclass(frozen=True)
class DrawnJets:
    """Codes of N jets.

    Attributes:
        codes: (N, P), `PADDING` behind the particles of each jet.
        has_ended: (N,), False for a jet that reached the largest number of particles without a stop token.
    """

    codes: Tensor
    has_ended: Tensor


@torch.inference_mode()
def draw_jets(
    steps: Steps, num_jets: int, length: int, sampling: Sampling, generator: torch.Generator,
    prompt: Tensor | None = None,
) -> DrawnJets:  # fmt: skip
    """Draw the codes of jets.

    The first token is never the stop token: a jet has a particle.

    Args:
        steps: the model at the start of the jets.
        num_jets: number N.
        length: largest number of particles of a jet.
        sampling: how tokens are drawn.
        generator: random numbers, on the device of the model.
        prompt: (N, k), codes of the first particles, `PADDING` behind those of a jet with fewer; None without.
    """
    device = generator.device
    codes = torch.full((num_jets, length), PADDING, device=device)
    has_ended = torch.zeros(num_jets, dtype=torch.bool, device=device)
    growing = torch.arange(num_jets, device=device)  # jets that the model still carries
    scores = steps.first()
    stop = scores.size(1) - 1
    for place in range(length):
        if place == 0:
            scores[:, stop] = -torch.inf
        drawn = sampling.draw(scores, generator)
        if prompt is not None and place < prompt.size(1):
            given = prompt[growing, place]
            drawn = torch.where(given == PADDING, drawn, given)
        has_ended[growing] |= drawn == stop
        is_growing = ~has_ended[growing]
        codes[growing, place] = torch.where(is_growing, drawn, PADDING)
        left = int(is_growing.sum())
        if left == 0 or place == length - 1:
            break
        if left < FEW_LEFT * len(growing):
            places = is_growing.nonzero().squeeze(1)
            steps.keep(places)
            growing, drawn = growing[places], drawn[places]
        scores = steps.after(drawn.clamp(max=stop - 1))
    return DrawnJets(codes, has_ended)
