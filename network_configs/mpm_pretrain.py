"""Masked particle modelling on weaver's ParticleTransformer (no labels needed): the rival of hepjepa_pretrain.py.

weaver --network-config network_configs/mpm_pretrain.py --data-config data_configs/JetClass/JetClass_full.yaml
"""

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.config import MpmConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.host import hooks
from hepjepa_weaver.objectives.masked.objective import build_parts
from hepjepa_weaver.objectives.mpm import MaskedParticleModel, MpmLoss
from hepjepa_weaver.training import optimiser

hooks.prepare_weaver()


@hooks.weaver_hook
def get_model(data_config, **options):
    config = config_from_options(MpmConfig, options)
    hooks.start_random_numbers(config.run)
    columns = feature_columns(data_config)
    reader = JetReader(data_config.input_names, not config.weaver.for_inference, columns)
    model = MaskedParticleModel(build_parts(config, reader, columns), columns)
    return model, hooks.model_info(data_config, "embedding")


@hooks.weaver_hook
def get_loss(data_config, **options):
    return MpmLoss(config_from_options(MpmConfig, options).loss)


get_train_fn, get_evaluate_fn = hooks.pretraining_functions(MpmConfig)
init_opt = hooks.weaver_hook(optimiser.init_opt)
