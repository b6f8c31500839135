"""Fine-tuning of a network over codes as a jet classifier, from next-token pre-training as published.

weaver --network-config network_configs/omnijet_finetune.py -o preset paper -o pooling sum -o tokenizer tokenizer.pt \
    --load-model-weights pretrain_best_epoch_state.pt ...
"""

from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.config import OmnijetFinetuneConfig
from hepjepa_weaver.host.labels import num_classes
from hepjepa_weaver.host.networks import classifier_network
from hepjepa_weaver.host.tokenizers import tokenizer_of_command
from hepjepa_weaver.objectives.next_token.classifier import IdClassifier


def build(data_config, options):
    inputs = network_inputs(data_config, options.weaver.for_inference)
    tokenizer = tokenizer_of_command(options.tokenizer.tokenizer, data_config)
    return IdClassifier(inputs, options, tokenizer, num_classes(data_config, options.labels))


network = classifier_network(OmnijetFinetuneConfig, build, has_layer_rates=True)
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
