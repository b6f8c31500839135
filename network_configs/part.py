"""Baseline: weaver's ParticleTransformer from scratch, as in the particle_transformer repository."""

from hepjepa_weaver.batch.reader import JetReader, num_features
from hepjepa_weaver.config import PartConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.host import hooks
from hepjepa_weaver.model.baselines import ParticleTransformerWrapper
from hepjepa_weaver.model.encoder import build_part
from hepjepa_weaver.training import optimiser

hooks.prepare_weaver()


@hooks.weaver_hook
def get_model(data_config, **options):
    config = config_from_options(PartConfig, options)
    hooks.start_random_numbers(config.run)
    reader = JetReader(data_config.input_names, trim=False)  # ParT trims by itself
    part = build_part(
        num_features(data_config),
        config.encoder,
        config.weaver,
        num_classes=len(data_config.label_value),
        fc_params=config.head.fc_params,
    )
    model = ParticleTransformerWrapper(reader, part)
    return model, hooks.model_info(data_config, "softmax")


get_loss = hooks.get_classification_loss
get_train_fn = hooks.get_classification_train_fn
get_evaluate_fn = hooks.get_classification_evaluate_fn
init_opt = hooks.weaver_hook(optimiser.init_opt)
