"""Files that targets of masked particles come from: of their own, or the checkpoint that the command loads."""

from typing import Any

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import MpmConfig
from hepjepa_weaver.host.start_weights import checkpoint_of_running_command
from hepjepa_weaver.host.tokenizers import tokenizer_of_command
from hepjepa_weaver.model.made_with import inputs_of
from hepjepa_weaver.tokens.fitted_statistics import load_statistics
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics
from hepjepa_weaver.tokens.tokenizer import JetTokenizer


def target_files(config: MpmConfig, data_config: Any) -> tuple[JetTokenizer | None, ParticleStatistics | None]:
    """Return the tokenizer and the statistics that the targets need; None for what they do not.

    Raises:
        UserError: one is needed and not there, or does not fit the data config.
    """
    tokenizer = tokenizer_of_command(config.files.tokenizer, data_config) if config.targets.token_weight > 0 else None
    if not config.needs_statistics:
        return tokenizer, None
    return tokenizer, statistics_of_command(config.files.particle_statistics, data_config)


def statistics_of_command(path: str, data_config: Any) -> ParticleStatistics:
    """Return the statistics of `-o particle_statistics`, or of the checkpoint that the running command loads.

    Raises:
        UserError: neither is there, or it does not fit the data config.
    """
    loaded, option = checkpoint_of_running_command(), "-o particle_statistics"
    if not path and loaded is None:
        raise UserError("-o particle_statistics is not given: make a file with `hepjepa fit-particles`")
    columns, inputs = feature_columns(data_config), inputs_of(data_config)
    return load_statistics(path or str(loaded), columns, inputs, option if path else "the checkpoint")
