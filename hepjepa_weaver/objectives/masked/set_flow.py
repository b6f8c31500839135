"""Flow matching of all masked particles of a jet together, given the visible ones [MPMv2 2409.12589, section 4].

Shapes: N jets, T masked particles, F features.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from hepjepa_weaver.config import PredictorConfig
from hepjepa_weaver.model.encoder import EncodedJets
from hepjepa_weaver.objectives.losses import masked_mean
from hepjepa_weaver.objectives.masked.densities import TIME_FREQUENCIES, noise_to
from hepjepa_weaver.objectives.masked.hiding import HiddenView
from hepjepa_weaver.objectives.masked.predictor import Predictor
from hepjepa_weaver.runtime.compiled import Layout


class SetFlowTarget(nn.Module):
    """A predictor of its own, whose mask tokens carry a noisy set of particles; it predicts their velocities.

    Nothing tells the particles of a set apart but what they are: there is no order among them.

    Args:
        width: width D of the encoder's tokens.
        number: number F of features.
        config: options of the predictor.
        layout: how tokens are computed.
    """

    def __init__(self, width: int, number: int, config: PredictorConfig, layout: Layout = "padded") -> None:
        super().__init__()
        config = replace(config, mask_token_knows="nothing")
        self.predictor = Predictor(width, config, predicts_jet=False, layout=layout)
        self.embed = nn.Linear(number + 2 * TIME_FREQUENCIES, config.predictor_dim)
        self.velocity = nn.Linear(config.predictor_dim, number)

    def forward(self, context: EncodedJets, view: HiddenView, values: Tensor) -> Tensor:
        """Return the mean squared error of the velocity of values (N, T, F)."""
        path = noise_to(values)
        noisy = self.embed(torch.cat([path.place, path.embedded_time()], dim=2))
        states = self.predictor(replace(context, masked=None), view, added=noisy).hidden
        error = (self.velocity(states).float() - path.velocity).square().mean(dim=2)
        return masked_mean(error, view.hidden.is_real)
