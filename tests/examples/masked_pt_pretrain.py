"""A masked objective in one file: predict, from the visible particles, which fraction of a jet's pT is masked.

weaver --network-config tests/examples/masked_pt_pretrain.py --data-config data_configs/JetClass/JetClass_full.yaml
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.batch.jets import Jets, in_old_order
from hepjepa_weaver.config import MaskedConfig
from hepjepa_weaver.config.option import Options, above, option, require
from hepjepa_weaver.host.networks import pretraining_network
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.objectives.masked.objective import MaskedObjective


# 1. Options: those of every masked objective, and its own.
@dataclass(frozen=True)
class MaskedPtLossConfig(Options):
    """The loss of the masked fraction of pT."""

    masked_pt_beta: float = option(0.1, "difference above which the loss is linear", above(0))


@dataclass(frozen=True)
class MaskedPtConfig(MaskedConfig):
    loss: MaskedPtLossConfig = MaskedPtLossConfig()

    def __post_init__(self) -> None:
        require(self.monitor.embedding == "mean", "embedding", self.monitor.embedding, "'mean', which is trained")


# 2. The pretext task: what goes into the loss, and the jets' embeddings.
@dataclass(frozen=True)
class MaskedPtOutput:
    """Shapes: N jets, D width."""

    predicted: Tensor  # (N,)
    wanted: Tensor  # (N,)
    embedding: Tensor  # (N, D)


class MaskedPt(MaskedObjective):
    def __init__(self, inputs, config: MaskedPtConfig) -> None:
        super().__init__(inputs, config, predicts_jet=True)
        self.head = nn.Linear(self.predictor.dim, 1)

    def pretext_task(self, jets: Jets) -> MaskedPtOutput:
        view = self.hide(jets)
        context = self.context_encoder(view.context, view.context_pairs)
        pooled = self.pooled(context)
        states = self.predictor(context, view, pooled)
        return MaskedPtOutput(
            predicted=self.head(states.jet).squeeze(1),
            wanted=summed_pt(view.hidden) / summed_pt(view.jets).clamp(min=1e-8),
            embedding=in_old_order(pooled.detach(), view.order) if self.training else self.embed(jets),
        )


def summed_pt(jets: Jets) -> Tensor:
    """Return the sum (N,) of the particles' pT in GeV."""
    return jets.pt().masked_fill(~jets.is_real, 0).sum(dim=1)


# 3. The loss: a total to minimise, and terms to log.
class MaskedPtLoss(nn.Module):
    def __init__(self, config: MaskedPtLossConfig) -> None:
        super().__init__()
        self.beta = config.masked_pt_beta

    def forward(self, output: MaskedPtOutput) -> LossTerms:
        loss = F.smooth_l1_loss(output.predicted.float(), output.wanted, beta=self.beta)
        return LossTerms(loss, {"masked_pt": loss})


# 4. The wiring.
def build(data_config, options):
    return MaskedPt(network_inputs(data_config, options.weaver.for_inference), options)


network = pretraining_network(MaskedPtConfig, build, loss=lambda options: MaskedPtLoss(options.loss))
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
