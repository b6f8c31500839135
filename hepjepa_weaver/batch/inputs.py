"""What a network is told of the jets that weaver's data config describes."""

from dataclasses import dataclass
from typing import Any

from hepjepa_weaver.batch.columns import FeatureColumns, feature_columns
from hepjepa_weaver.batch.reader import JetReader


@dataclass(frozen=True)
class NetworkInputs:
    """How jets are read, and what their C columns mean."""

    reader: JetReader
    columns: FeatureColumns

    @property
    def num_features(self) -> int:
        """Number C of features of a particle."""
        return len(self.columns.columns)


def network_inputs(data_config: Any, for_inference: bool = False) -> NetworkInputs:
    """Return the inputs of weaver's data config, secondary vertices included where it has some.

    Args:
        for_inference: keep shapes and order as they are, for ONNX.

    Raises:
        UserError: a data config with other inputs than those that are read, or without standardisation.
    """
    columns = feature_columns(data_config)
    return NetworkInputs(JetReader(data_config.input_names, not for_inference, columns), columns)
