"""Training of a tokenizer: particles are to come back from their codes [OmniJet-α 2403.05618, section 3.1]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets, mean_over_real
from hepjepa_weaver.config.tokenizer import QuantizerConfig, TokenizerConfig
from hepjepa_weaver.model.weights import Weights
from hepjepa_weaver.objectives.base import SelfSupervised
from hepjepa_weaver.objectives.losses import LossTerms, masked_mean
from hepjepa_weaver.runtime.ranks import summed_over_processes
from hepjepa_weaver.tokens.frozen import TOKENIZER
from hepjepa_weaver.tokens.particle_values import KINEMATICS
from hepjepa_weaver.tokens.tokenizer import PADDING, JetTokenizer, Reconstruction
from hepjepa_weaver.weaver_api.log import logger

FEW = 0.1
"""Fraction of the codes in use on the validation jets below which a warning is due."""
NAMES = ("pt", "deta", "dphi")


@dataclass(frozen=True)
class TokenizerOutput:
    """Output of one forward pass.

    Attributes:
        jets: the jets before and after their codes.
        embedding: (N, F), mean values of the particles that came back.
    """

    jets: Reconstruction
    embedding: Tensor


class TokenizerLoss(nn.Module):
    """Mean squared error of the values plus the codebook's loss, over real particles alone."""

    def __init__(self, config: QuantizerConfig) -> None:
        super().__init__()
        self.weight = config.codebook_weight

    def forward(self, output: TokenizerOutput) -> LossTerms:
        """Compute the weighted sum of both terms, and the terms."""
        jets = output.jets
        error = masked_mean((jets.reconstructed - jets.values).square(), jets.is_real)
        terms = {"reconstruction": error.mean(), "codebook": jets.codebook_loss}
        terms |= {f"error_{name}": error[place].detach() for place, name in enumerate(NAMES)}
        if len(error) > KINEMATICS:
            terms["error_extra"] = error[KINEMATICS:].mean().detach()
        return LossTerms(terms["reconstruction"] + self.weight * jets.codebook_loss, terms)


class TokenizerTraining(SelfSupervised):
    """A tokenizer in training; `weaver --predict` writes its codes and the particles that come back from them."""

    used: Tensor
    collapse_advice = (
        "Likely a learning rate that is too high, or codes that die: lower --start-lr, raise -o dead_below or "
        "commitment, or take -o quantizer finite_scalar."
    )

    def __init__(self, inputs: NetworkInputs, config: TokenizerConfig) -> None:
        super().__init__(inputs, config.monitor, ("perplexity",))
        self.tokenizer = JetTokenizer(inputs.columns, config)
        self.size = config.quantizer.codes
        self.register_buffer("used", torch.zeros(self.size, dtype=torch.long), persistent=False)
        if not any(parameter.requires_grad for parameter in self.parameters()):
            # Bins learn nothing, and weaver's optimisers refuse a network without parameters.
            self.nothing = nn.Parameter(torch.zeros(()))

    def pretext_task(self, jets: Jets) -> TokenizerOutput:
        """Bring jets through the codebook and back."""
        jets = jets.reordered(jets.by_length())
        came_back = self.tokenizer(jets)
        if not self.training:
            self.used += _counts(came_back.codes, self.size)
        reconstructed = came_back.reconstructed
        if hasattr(self, "nothing"):
            reconstructed = reconstructed + 0 * self.nothing
        embedding = mean_over_real(reconstructed, jets.is_real).detach()
        came_back = Reconstruction(
            came_back.values, reconstructed, came_back.codes, came_back.is_real, came_back.codebook_loss
        )
        return TokenizerOutput(came_back, embedding)

    def predict(self, jets: Jets) -> Tensor:
        """Return the codes (N, P) of the jets."""
        return self.tokenizer.codes(jets)

    def as_columns(self, predicted: Tensor) -> tuple[Any, dict[str, Any]]:
        """Return the codes of each jet, and the particles that come back from them as `rec_part_…`."""
        particles = self.tokenizer.particles(predicted)
        counts = particles.is_real.sum(dim=1).numpy(force=True)
        columns = {"pt": particles.pt, "deta": particles.deta, "dphi": particles.dphi}
        columns |= {name.removeprefix("part_"): value for name, value in particles.extras.items()}

        def ragged(values: Tensor) -> Any:
            return ak.unflatten(values[particles.is_real].numpy(force=True), counts)

        return ragged(predicted), {f"rec_part_{name}": ragged(value) for name, value in columns.items()}

    @torch.no_grad()
    def ranks(self, output: TokenizerOutput) -> dict[str, Tensor]:
        """Return the perplexity of the batch's codes, which falls in a collapse of the codebook."""
        return {"perplexity": perplexity(_counts(output.jets.codes, self.size))}

    def start_validation(self) -> None:
        """Start to count the codes anew."""
        self.used.zero_()

    def validation_metric(self, losses: Mapping[str, float]) -> float:
        """Return 1 / (1 + reconstruction loss)."""
        return 1 / (1 + losses["reconstruction"])

    def validation_summary(self) -> dict[str, float]:
        """Return utilisation and perplexity of the codebook on the validation jets; warn if few codes are in use."""
        used = summed_over_processes(self.used)
        in_use = int((used > 0).sum())
        if in_use < FEW * self.size:
            logger.warning(
                "%d of %d codes are in use on %d particles: raise -o dead_below, lower -o codes, or take "
                "-o quantizer finite_scalar", in_use, self.size, int(used.sum()),
            )  # fmt: skip
        return {"codes_in_use": in_use / self.size, "perplexity": float(perplexity(used))}

    def is_needed(self, name: str) -> bool:
        """Tell whether weights to start from must have this name: all of the tokenizer."""
        return name.startswith(f"{TOKENIZER}.")

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """Return the weights to start from."""
        return {name: value for name, value in super().pick_weights(state_dict).items() if self.is_needed(name)}


def perplexity(counts: Tensor) -> Tensor:
    """Return exp(entropy) of the use of K codes from their counts (K,): the number of codes that are used evenly."""
    share = counts / counts.sum().clamp(min=1)
    value: Tensor = torch.special.entr(share).sum().exp()
    return value


def _counts(codes: Tensor, size: int) -> Tensor:
    """Return how often each of `size` codes occurs in codes (N, P)."""
    return torch.bincount(codes[codes != PADDING], minlength=size)
