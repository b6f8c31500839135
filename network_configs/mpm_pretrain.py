"""Masked particle modelling on weaver's ParticleTransformer, the objective to compare with HEP-JEPA (no labels needed).

weaver --network-config network_configs/mpm_pretrain.py --data-config data_configs/JetClass/JetClass_full.yaml
"""

from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.config import MpmConfig
from hepjepa_weaver.host.networks import pretraining_network
from hepjepa_weaver.host.target_files import target_files
from hepjepa_weaver.objectives.mpm import MaskedParticleModel, MpmLoss


def build(data_config, options):
    inputs = network_inputs(data_config, options.weaver.for_inference)
    return MaskedParticleModel(inputs, options, *target_files(options, data_config))


network = pretraining_network(MpmConfig, build, loss=lambda options: MpmLoss(options.targets))
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
