"""Labels of jets: which columns they need, and jets that have none."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.weaver_api import DataConfig, evaluated

NO_REGRESSION = "classes are 0, 1, 2, …; to regress numbers, give -o target regression to hepjepa_finetune.py"
NONE, MANY = -1, -2
"""Class index of a jet that has no class, and of one that has several."""


def label_columns(data_config: Any) -> frozenset[str]:
    """Return the columns of files that only the labels need."""
    known: frozenset[str] | None = data_config.__dict__.get("_hepjepa_label_columns")
    if known is None:
        without = {**data_config.options, "labels": {"type": "custom", "value": {}}}
        bare = DataConfig(print_info=False, **without)
        needed = {*bare.train_load_branches, *bare.test_load_branches}
        known = frozenset({*data_config.train_load_branches, *data_config.test_load_branches} - needed)
        data_config._hepjepa_label_columns = known
    return known


def class_index(table: Any, data_config: Any) -> NDArray[np.int64]:
    """Return the index (N,) of the class of each jet, for labels of type `simple`: one 0 or 1 for each class."""
    flags = np.stack([np.asarray(evaluated(name, table)) for name in data_config.label_value], axis=1)
    number = flags.sum(axis=1)
    index = flags.argmax(axis=1).astype(np.int64)
    return np.where(number == 0, NONE, np.where(number > 1, MANY, index))


def without_class(label: NDArray[Any], is_unknown: NDArray[np.bool_]) -> NDArray[Any]:
    """Return labels (N,) that say for the jets marked as unknown (N,), or masked, that they have none."""
    if isinstance(label, np.ma.MaskedArray):  # as NumPy makes of awkward arrays in an expression
        label, is_unknown = np.asarray(label), is_unknown | np.ma.getmaskarray(label)
    if not is_unknown.any():
        return label
    if label.dtype.kind == "f":
        return np.where(is_unknown, np.nan, label)
    return np.where(is_unknown, NONE, label.astype(np.int64))


def check_label(label: NDArray[Any], name: str, number: int | None = None) -> None:
    """Check that labels (N,) are numbers of classes.

    Args:
        label: the labels.
        name: their name, for the message.
        number: number of classes, if it is known.

    Raises:
        UserError: a label is negative, no whole number, or not below the number of classes.
    """
    is_whole = np.isfinite(label) & (label == np.round(label)) & (label >= 0)
    if not is_whole.all():
        raise UserError(f"the label {name} is {label[~is_whole][0]:g} for a jet: {NO_REGRESSION}")
    if number is not None and label.max(initial=0) >= number:
        raise UserError(
            f"the label {name} is {label.max():g} for a jet, and the network has {number} classes, from 0 to "
            f"{number - 1}: give -o num_classes {int(label.max()) + 1} or more"
        )
