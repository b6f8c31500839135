"""The tokenizer that a weaver command uses: of its own file, or of the checkpoint that the command loads."""

from typing import Any

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.start_weights import checkpoint_of_running_command
from hepjepa_weaver.model.made_with import inputs_of
from hepjepa_weaver.model.weights import read_weights
from hepjepa_weaver.tokens.frozen import check_same, load_tokenizer
from hepjepa_weaver.tokens.tokenizer import JetTokenizer


def tokenizer_of_command(path: str, data_config: Any) -> JetTokenizer:
    """Return the frozen tokenizer of `-o tokenizer`, or of the checkpoint that the running command loads.

    Raises:
        UserError: neither is there, or it does not fit the data config.
    """
    columns, inputs = feature_columns(data_config), inputs_of(data_config)
    loaded = checkpoint_of_running_command()
    if path:
        tokenizer = load_tokenizer(path, columns, inputs)
        if loaded is not None:
            check_same(tokenizer, read_weights(loaded, "the checkpoint"))
        return tokenizer
    if loaded is None:
        raise UserError("-o tokenizer is not given: name a checkpoint of network_configs/jet_tokenizer.py")
    return load_tokenizer(loaded, columns, inputs, "the checkpoint")
