"""Inputs of a network for the jets that weaver's data config describes."""

from dataclasses import dataclass
from typing import Any

from hepjepa_weaver.batch.columns import FeatureColumns, feature_columns
from hepjepa_weaver.batch.reader import JetReader


@dataclass(frozen=True)
class NetworkInputs:
    """The reader of the jets and the meaning of their C columns."""

    reader: JetReader
    columns: FeatureColumns

    @property
    def num_features(self) -> int:
        """Number C of features of a particle."""
        return len(self.columns.columns)


def network_inputs(data_config: Any, for_inference: bool = False) -> NetworkInputs:
    """Return the inputs of weaver's data config, with secondary vertices if it has them.

    Args:
        data_config: weaver's data config.
        for_inference: keep shapes and order as they are, for ONNX.

    Raises:
        UserError: the data config has other inputs than those read here, or lacks a standardisation.
    """
    columns = feature_columns(data_config)
    return NetworkInputs(JetReader(data_config.input_names, not for_inference, columns), columns)
