"""What weaver's loops of training and tests are made of (`weaver/utils/nn/tools.py`)."""

from weaver.utils.import_tools import import_module
from weaver.utils.nn import tools
from weaver.utils.nn.tools import (
    AllGather,
    evaluate_classification,
    get_autocast_config,
    train_classification,
    unwrap_model,
)

__all__ = [
    "AllGather",
    "evaluate_classification",
    "get_autocast_config",
    "import_module",
    "tools",
    "train_classification",
    "unwrap_model",
]
