"""Baseline: weaver's ParticleNet from scratch, as in the particle_transformer repository."""

from hepjepa_weaver.batch.augmentation import augmentation_of
from hepjepa_weaver.batch.reader import JetReader, num_features
from hepjepa_weaver.config import ParticleNetConfig
from hepjepa_weaver.host.labels import num_classes
from hepjepa_weaver.host.networks import classifier_network
from hepjepa_weaver.model.baselines import ParticleNetWrapper, build_particlenet


def build(data_config, options):
    reader = JetReader(data_config.input_names, trim=False)  # ParticleNet trims by itself
    particlenet = build_particlenet(num_features(data_config), num_classes(data_config, options.labels), options)
    return ParticleNetWrapper(reader, particlenet, augmentation_of(data_config, options.augment))


network = classifier_network(ParticleNetConfig, build)
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
