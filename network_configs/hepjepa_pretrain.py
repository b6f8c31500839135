"""HEP-JEPA pre-training on weaver's ParticleTransformer (no labels needed).

weaver --network-config network_configs/hepjepa_pretrain.py --data-config data_configs/JetClass/JetClass_full.yaml
"""

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.config import JepaConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.host import hooks
from hepjepa_weaver.objectives.jepa.loss import JepaLoss
from hepjepa_weaver.objectives.jepa.network import Jepa, jepa_parts
from hepjepa_weaver.training import optimiser

hooks.prepare_weaver()


@hooks.weaver_hook
def get_model(data_config, **options):
    config = config_from_options(JepaConfig, options)
    hooks.start_random_numbers(config.run)
    columns = feature_columns(data_config)
    reader = JetReader(data_config.input_names, not config.weaver.for_inference, columns)
    model = Jepa(jepa_parts(config, reader, columns), columns, config)
    return model, hooks.model_info(data_config, "embedding")


@hooks.weaver_hook
def get_loss(data_config, **options):
    return JepaLoss(config_from_options(JepaConfig, options).loss)


get_train_fn, get_evaluate_fn = hooks.pretraining_functions(JepaConfig)
init_opt = hooks.weaver_hook(optimiser.init_opt)
