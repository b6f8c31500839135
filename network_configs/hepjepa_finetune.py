"""Fine-tuning of a pre-trained encoder as a jet classifier, with the layout of the stock ParT fine-tuning config.

weaver --network-config network_configs/hepjepa_finetune.py --load-model-weights pretrain_best_epoch_state.pt ...

With -o target regression it learns numbers, such as a mass, and with -o target hybrid classes and numbers.
"""

from hepjepa_weaver.batch.augmentation import augmentation_of
from hepjepa_weaver.batch.inputs import network_inputs
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.host.labels import num_classes
from hepjepa_weaver.host.networks import classifier_network
from hepjepa_weaver.host.regression_scale import regression_targets
from hepjepa_weaver.model.classifier import JetClassifier
from hepjepa_weaver.model.regressor import JetRegressor

OUTPUTS = {"classes": ("softmax",), "regression": ("numbers",), "hybrid": ("softmax", "numbers")}


def build(data_config, options):
    inputs = network_inputs(data_config, options.weaver.for_inference)
    classes = num_classes(data_config, options.labels)
    augment = augmentation_of(data_config, options.augment, options.speed.layout)
    if options.labels.target == "classes":
        return JetClassifier(inputs.reader, inputs.num_features, classes, options, augment)
    targets = regression_targets(data_config, options.labels)
    return JetRegressor(inputs.reader, inputs.num_features, classes, targets, options, augment)


def outputs(options):
    embedding = ("embedding",) if options.export.export_embedding else ()
    return (*OUTPUTS[options.labels.target], *embedding)


network = classifier_network(FinetuneConfig, build, outputs, has_layer_rates=True)
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
