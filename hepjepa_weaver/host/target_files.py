"""Files that targets of masked particles come from: of their own, or the checkpoint that the command loads."""

from typing import Any

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import MpmConfig
from hepjepa_weaver.host.command_line import is_training
from hepjepa_weaver.host.particle_fit import fit_to_training_files
from hepjepa_weaver.host.start_weights import checkpoint_of_running_command
from hepjepa_weaver.host.tokenizers import tokenizer_of_command
from hepjepa_weaver.model.made_with import inputs_of
from hepjepa_weaver.tokens.fitted_statistics import holds_statistics, load_statistics
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from hepjepa_weaver.tokens.tokenizer import JetTokenizer
from hepjepa_weaver.weaver_api.command import running_command


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

    A training with neither fits them to its own jets. So does one that starts from a checkpoint of other inputs.

    Raises:
        UserError: they do not fit the data config. Also if there are none, and no training to fit them to.
    """
    columns, inputs = feature_columns(data_config), inputs_of(data_config)
    if path:
        return load_statistics(path, columns, inputs)
    command, loaded = running_command(), checkpoint_of_running_command()
    goes_on = command is not None and (not is_training(command) or command.load_epoch is not None)
    if loaded is not None and (goes_on or holds_statistics(loaded, inputs)):
        return load_statistics(loaded, columns, inputs, "the checkpoint")
    if command is None or goes_on:
        raise UserError("-o particle_statistics is not given: make a file with `hepjepa fit-particles`")
    return fit_to_training_files(command.data_train, data_config.options)
