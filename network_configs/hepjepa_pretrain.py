"""HEP-JEPA pre-training on weaver's ParticleTransformer (no labels needed).

weaver --network-config network_configs/hepjepa_pretrain.py --data-config data_configs/JetClass/JetClass_full.yaml
"""

from functools import partial

from hepjepa_weaver import hooks
from hepjepa_weaver.config import JepaConfig
from hepjepa_weaver.encoder import ParTEncoder
from hepjepa_weaver.inputs import JetReader, num_features
from hepjepa_weaver.masking import Masking
from hepjepa_weaver.objectives.jepa import Jepa, JepaLoss
from hepjepa_weaver.options import config_from_options
from hepjepa_weaver.predictor import Predictor
from hepjepa_weaver.training import evaluate, loop, optimizer

hooks.show_user_errors_in_one_line()


@hooks.weaver_hook
def get_model(data_config, **options):
    config = config_from_options(JepaConfig, options)
    with_latent = config.loss.event_weight > 0
    model = Jepa(
        reader=JetReader(data_config.input_names, trim=not config.weaver.for_inference),
        masking=Masking(config.masking),
        encoder=ParTEncoder(num_features(data_config), config.encoder, config.weaver, with_latent),
        predictor=Predictor(config.encoder.width, config.predictor, with_latent),
        ema=config.ema,
        embedding=config.monitor.embedding,
    )
    return model, hooks.model_info(data_config, output_name="embedding")


@hooks.weaver_hook
def get_loss(data_config, **options):
    return JepaLoss(config_from_options(JepaConfig, options).loss)


@hooks.weaver_hook
def get_train_fn(data_config, **options):
    return partial(loop.train_epoch, log_every=config_from_options(JepaConfig, options).monitor.log_every)


@hooks.weaver_hook
def get_evaluate_fn(data_config, **options):
    return partial(evaluate.evaluate, probe_jets=config_from_options(JepaConfig, options).monitor.probe_jets)


init_opt = hooks.weaver_hook(optimizer.init_opt)
