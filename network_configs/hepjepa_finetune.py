"""Fine-tuning of a pre-trained encoder as a jet classifier, with the layout of the stock ParT fine-tuning config.

weaver --network-config network_configs/hepjepa_finetune.py --load-model-weights pretrain_best_epoch_state.pt ...
"""

from hepjepa_weaver.batch.augmentation import augmentation_of
from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.host.labels import num_classes
from hepjepa_weaver.host.networks import classifier_network
from hepjepa_weaver.model.classifier import JetClassifier


def build(data_config, options):
    inputs = network_inputs(data_config, options.weaver.for_inference)
    classes = num_classes(data_config, options.labels)
    augment = augmentation_of(data_config, options.augment, options.speed.layout)
    return JetClassifier(inputs.reader, inputs.num_features, classes, options, augment)


def outputs(options):
    return ("softmax", "embedding") if options.export.export_embedding else ("softmax",)


network = classifier_network(FinetuneConfig, build, outputs, has_layer_rates=True)
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
