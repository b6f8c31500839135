"""HEP-JEPA pre-training on weaver's ParticleTransformer (no labels needed).

weaver --network-config network_configs/hepjepa_pretrain.py --data-config data_configs/JetClass/JetClass_full.yaml
"""

from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.config import JepaConfig
from hepjepa_weaver.host.networks import pretraining_network
from hepjepa_weaver.host.target_files import statistics_if_needed
from hepjepa_weaver.objectives.jepa.loss import JepaLoss
from hepjepa_weaver.objectives.jepa.network import Jepa


def build(data_config, options):
    inputs, file = network_inputs(data_config, options.weaver.for_inference), options.clusters.particle_statistics
    clusters = statistics_if_needed(options.loss.composition_weight > 0, file, data_config)
    return Jepa(inputs, options, clusters)


network = pretraining_network(JepaConfig, build, loss=lambda options: JepaLoss(options.loss))
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
