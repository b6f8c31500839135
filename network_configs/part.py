"""Baseline: weaver's ParticleTransformer from scratch, as in the particle_transformer repository."""

from hepjepa_weaver.batch.augmentation import augmentation_of
from hepjepa_weaver.batch.reader import JetReader, num_features
from hepjepa_weaver.config import ParticleTransformerConfig
from hepjepa_weaver.host.labels import num_classes
from hepjepa_weaver.host.networks import classifier_network
from hepjepa_weaver.model.baselines import FastParticleTransformer, ParticleTransformerWrapper
from hepjepa_weaver.model.encoder import build_particle_transformer


def build(data_config, options):
    reader = JetReader(data_config.input_names, trim=False)  # ParT trims by itself
    particle_transformer = build_particle_transformer(
        num_features(data_config),
        options.encoder,
        options.weaver,
        num_classes=num_classes(data_config, options.labels),
        fc_params=options.head.fc_params,
    )
    augment = augmentation_of(data_config, options.augment, options.speed.layout)
    if options.speed.fast and not options.weaver.for_inference:
        return FastParticleTransformer(reader, particle_transformer, augment, options.speed.layout)
    return ParticleTransformerWrapper(reader, particle_transformer, augment)


network = classifier_network(ParticleTransformerConfig, build)
get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
