"""Files that targets of masked particles come from: of their own, or the checkpoint that the command loads."""

from typing import Any

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import MpmConfig
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.host.command_line import is_training
from hepjepa_weaver.host.particle_fit import fit_to_training_files
from hepjepa_weaver.host.start_weights import checkpoint_of_running_command, predicts_by_onnx
from hepjepa_weaver.host.tokenizers import tokenizer_of_command
from hepjepa_weaver.model.made_with import inputs_of
from hepjepa_weaver.model.weights import read_weights
from hepjepa_weaver.tokens.fitted_statistics import has_statistics, holds_statistics, load_statistics
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from hepjepa_weaver.tokens.tokenizer import JetTokenizer
from hepjepa_weaver.weaver_api.command import running_command

OPTIONS_OF_BEFORE = (
    "give all options of its training; -o composition_weight 0 -o particle_weight 1 were the defaults of "
    "hepjepa_pretrain before it predicted a composition"
)


def target_files(config: MpmConfig, data_config: Any) -> tuple[JetTokenizer | None, ParticleStatistics | None]:
    """Return the tokenizer and the statistics that the targets need; None for what they do not.

    Raises:
        UserError: one is needed and not there, or does not fit the data config.
    """
    tokenizer = tokenizer_of_command(config.files.tokenizer, data_config) if config.targets.token_weight > 0 else None
    return tokenizer, statistics_if_needed(config.needs_statistics, config.files.particle_statistics, data_config)


def statistics_if_needed(is_needed: bool, path: str, data_config: Any) -> ParticleStatistics | None:
    """Return the statistics of the running command (`statistics_of_command`), or None if no target needs them."""
    return statistics_of_command(path, data_config) if is_needed else None


def statistics_of_command(path: str, data_config: Any) -> ParticleStatistics:
    """Return the statistics of `-o particle_statistics`, or of the checkpoint that the running command loads.

    A training with neither fits them to its own jets. So does one that starts from a checkpoint of other inputs. For a
    prediction with an exported network they are empty.

    Raises:
        UserError: they do not fit the data config. Also if there are none, and no training to fit them to.
    """
    columns, inputs = feature_columns(data_config), inputs_of(data_config)
    if path:
        return load_statistics(path, columns, inputs)
    command, loaded = running_command(), checkpoint_of_running_command()
    if command is not None and predicts_by_onnx(command):
        return ParticleStatistics(columns, ParticleFitConfig())
    goes_on = command is not None and (not is_training(command) or command.load_epoch is not None)
    if goes_on and loaded is not None and not has_statistics(read_weights(loaded, "the checkpoint")):
        raise UserError(f"the checkpoint {loaded} holds no clusters of particles: {OPTIONS_OF_BEFORE}")
    if loaded is not None and (goes_on or holds_statistics(loaded, inputs)):
        return load_statistics(loaded, columns, inputs, "the checkpoint")
    if command is None or goes_on:
        raise UserError("-o particle_statistics is not given: make a file with `hepjepa fit-particles`, or give -o "
                        "composition_weight 0 to do without clusters")  # fmt: skip
    return fit_to_training_files(command.data_train, data_config.options)
