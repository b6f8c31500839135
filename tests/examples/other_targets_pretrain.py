"""HEP-JEPA with a target normalisation of one's own: the mean over the batch is taken off, the scale stays.

weaver --network-config tests/examples/other_targets_pretrain.py --data-config data_configs/JetClass/JetClass_full.yaml
"""

from dataclasses import dataclass
from typing import Literal

from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.config import JepaConfig, TargetConfig
from hepjepa_weaver.config.option import option
from hepjepa_weaver.host.networks import pretraining_network
from hepjepa_weaver.host.target_files import statistics_if_needed
from hepjepa_weaver.objectives.jepa.loss import JepaLoss
from hepjepa_weaver.objectives.jepa.network import Jepa
from hepjepa_weaver.objectives.jepa.targets import TARGET_NORMS
from hepjepa_weaver.objectives.losses import masked_mean
from hepjepa_weaver.runtime.ranks import mean_over_processes


def centred(tokens, is_target):
    """Return tokens (N, T, D) with mean 0 in each direction over the target particles (N, T) of all ranks."""
    return tokens.float() - mean_over_processes(masked_mean(tokens.float(), is_target))


TARGET_NORMS["centred"] = centred


@dataclass(frozen=True)
class CentredTargetConfig(TargetConfig):
    target_norm: Literal["layer", "batch", "none", "centred"] = option("centred", "centred: mean 0 in each direction")


@dataclass(frozen=True)
class CentredJepaConfig(JepaConfig):
    target: CentredTargetConfig = CentredTargetConfig()


def build(data_config, options):
    inputs, file = network_inputs(data_config, options.weaver.for_inference), options.clusters.particle_statistics
    clusters = statistics_if_needed(options.loss.composition_weight > 0, file, data_config)
    return Jepa(inputs, options, clusters)


network = pretraining_network(CentredJepaConfig, build, loss=lambda options: JepaLoss(options.loss))
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
