"""Fine-tune a pre-trained encoder as a jet classifier; the layout of the stock ParT fine-tuning config.

weaver --network-config network_configs/hepjepa_finetune.py --load-model-weights pretrain_best_epoch_state.pt ...
"""

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.host import hooks
from hepjepa_weaver.model.classifier import JetClassifier
from hepjepa_weaver.training import optimiser

hooks.prepare_weaver()


@hooks.weaver_hook
def get_model(data_config, **options):
    config = config_from_options(FinetuneConfig, options)
    hooks.start_random_numbers(config.run)
    columns = feature_columns(data_config)
    reader = JetReader(data_config.input_names, not config.weaver.for_inference, columns)
    model = JetClassifier(reader, len(columns.columns), len(data_config.label_value), config)
    outputs = ("softmax", "embedding") if config.export.export_embedding else ("softmax",)
    return model, hooks.model_info(data_config, *outputs)


get_loss = hooks.get_classification_loss
get_train_fn = hooks.get_classification_train_fn
get_evaluate_fn = hooks.get_classification_evaluate_fn
init_opt = hooks.weaver_hook(optimiser.init_finetuning_opt)
