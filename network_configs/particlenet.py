"""Baseline: weaver's ParticleNet from scratch, as in the particle_transformer repository."""

from hepjepa_weaver.batch.reader import JetReader, num_features
from hepjepa_weaver.config import ParticleNetConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.host import hooks
from hepjepa_weaver.model.baselines import ParticleNetWrapper, build_particlenet
from hepjepa_weaver.training import optimiser

hooks.prepare_weaver()


@hooks.weaver_hook
def get_model(data_config, **options):
    config = config_from_options(ParticleNetConfig, options)
    hooks.start_random_numbers(config.run)
    reader = JetReader(data_config.input_names, trim=False)  # ParticleNet trims by itself
    network = build_particlenet(num_features(data_config), len(data_config.label_value), config)
    model = ParticleNetWrapper(reader, network)
    return model, hooks.model_info(data_config, "softmax")


get_loss = hooks.get_classification_loss
get_train_fn = hooks.get_classification_train_fn
get_evaluate_fn = hooks.get_classification_evaluate_fn
init_opt = hooks.weaver_hook(optimiser.init_opt)
