"""An objective in one file, without masks: predict each particle from the harder ones before it.

weaver --network-config tests/examples/next_particle_pretrain.py --data-config data_configs/JetClass/JetClass_full.yaml
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.config import PretrainingConfig
from hepjepa_weaver.config.option import Options, above, option, require
from hepjepa_weaver.host.networks import pretraining_network
from hepjepa_weaver.objectives.base import PretrainingObjective
from hepjepa_weaver.objectives.losses import LossTerms, masked_mean
from hepjepa_weaver.particle_transformer.bias import causal_bias


# 1. Options: those of every objective, and its own.
@dataclass(frozen=True)
class NextParticleLossConfig(Options):
    """The loss of the next particle."""

    next_beta: float = option(1.0, "difference above which the loss is linear", above(0))


@dataclass(frozen=True)
class NextParticleConfig(PretrainingConfig):
    loss: NextParticleLossConfig = NextParticleLossConfig()

    def __post_init__(self) -> None:
        require(self.tokens.tokens == "particles", "tokens", self.tokens.tokens, "'particles', which have an order")
        require(self.tokens.num_registers == 0, "num_registers", self.tokens.num_registers, "0, as all see them")
        require(self.monitor.embedding == "mean", "embedding", self.monitor.embedding, "'mean', which is trained")


# 2. The pretext task: what goes into the loss, and the jets' embeddings.
@dataclass(frozen=True)
class NextParticleOutput:
    """Shapes: N jets, P particles, C features, D width."""

    predicted: Tensor  # (N, P - 1, C)
    wanted: Tensor  # (N, P - 1, C)
    is_real: Tensor  # (N, P - 1)
    embedding: Tensor  # (N, D)


class NextParticle(PretrainingObjective):
    def __init__(self, inputs, config: NextParticleConfig) -> None:
        super().__init__(inputs, config)
        self.head = nn.Linear(config.encoder.width, inputs.num_features)

    def pretext_task(self, jets: Jets) -> NextParticleOutput:
        bias = causal_bias(jets.is_real.size(1), jets.features.device)
        encoded = self.context_encoder(jets, attention_bias=bias)
        return NextParticleOutput(
            predicted=self.head(encoded.tokens[:, :-1]),
            wanted=jets.features.transpose(1, 2)[:, 1:],
            is_real=jets.is_real[:, 1:],
            embedding=self.pooled(encoded).detach(),
        )


# 3. The loss: a total to minimise, and terms to log.
class NextParticleLoss(nn.Module):
    def __init__(self, config: NextParticleLossConfig) -> None:
        super().__init__()
        self.beta = config.next_beta

    def forward(self, output: NextParticleOutput) -> LossTerms:
        each = F.smooth_l1_loss(output.predicted.float(), output.wanted, reduction="none", beta=self.beta)
        loss = masked_mean(each.mean(dim=2), output.is_real)
        return LossTerms(loss, {"next_particle": loss})


# 4. The wiring.
def build(data_config, options):
    return NextParticle(network_inputs(data_config, options.weaver.for_inference), options)


network = pretraining_network(NextParticleConfig, build, loss=lambda options: NextParticleLoss(options.loss))
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
