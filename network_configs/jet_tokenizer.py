"""Tokenizer of jets: each particle becomes one of a finite number of codes (no labels needed).

weaver --network-config network_configs/jet_tokenizer.py --data-config data_configs/JetClass/JetClass_kin.yaml
"""

from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.config import TokenizerConfig
from hepjepa_weaver.host.networks import tokenizer_network
from hepjepa_weaver.objectives.tokenizing import TokenizerLoss, TokenizerTraining


def build(data_config, options):
    return TokenizerTraining(network_inputs(data_config, options.weaver.for_inference), options)


network = tokenizer_network(TokenizerConfig, build, loss=lambda options: TokenizerLoss(options.quantizer))
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
