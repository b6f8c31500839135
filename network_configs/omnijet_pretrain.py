"""Next-token pre-training on the codes of a frozen tokenizer (no labels needed).

weaver --network-config network_configs/omnijet_pretrain.py --data-config data_configs/JetClass/JetClass_kin.yaml \
    -o preset paper -o tokenizer tokenizer_best_epoch_state.pt
"""

from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.config import OmnijetConfig
from hepjepa_weaver.host.labels import class_label
from hepjepa_weaver.host.networks import pretraining_network
from hepjepa_weaver.host.target_files import statistics_if_needed
from hepjepa_weaver.host.tokenizers import tokenizer_of_command
from hepjepa_weaver.objectives.next_token.objective import NextTokenLoss
from hepjepa_weaver.objectives.next_token.of_features import NextTokenOfFeatures
from hepjepa_weaver.objectives.next_token.of_ids import NextTokenOfIds
from hepjepa_weaver.objectives.next_token.sequences import check_longest


def build(data_config, options):
    check_longest(options.next.longest, data_config)
    inputs = network_inputs(data_config, options.weaver.for_inference)
    tokenizer = tokenizer_of_command(options.tokenizer.tokenizer, data_config)
    label = class_label(data_config) if options.next.class_condition else None
    if options.next.backbone == "ids":
        return NextTokenOfIds(inputs, options, tokenizer, label)
    file = options.clusters.particle_statistics
    clusters = statistics_if_needed(options.next.needs_clusters, file, data_config)
    return NextTokenOfFeatures(inputs, options, tokenizer, label, clusters)


network = pretraining_network(OmnijetConfig, build, loss=NextTokenLoss)
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
