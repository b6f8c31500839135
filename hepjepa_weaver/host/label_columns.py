"""Labels of jets: which columns they need, and jets that have none."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.weaver_api.inputs import DataConfig, evaluated

NO_REGRESSION = (
    "classes are 0, 1, 2, …, and -1 for none; to regress numbers with hepjepa_finetune.py, give -o target regression, "
    "or hybrid with the class as the first label"
)
NONE, MANY = -1, -2
"""Class index of a jet that has no class, and of one that has several."""


def label_columns(data_config: Any) -> frozenset[str]:
    """Return the columns of files that only the labels need."""
    return frozenset().union(*columns_of_each_label(data_config).values())


def columns_of_each_label(data_config: Any) -> Mapping[str, frozenset[str]]:
    """Return the columns of files that only labels need, by the name of the label."""
    known: dict[str, frozenset[str]] | None = data_config.__dict__.get("_hepjepa_label_columns")
    if known is None:
        labels = data_config.options["labels"]
        bare = _all_columns(data_config, {"type": "custom", "value": {}})
        if labels["type"] == "custom":
            each = {name: {"type": "custom", "value": {name: text}} for name, text in labels["value"].items()}
        else:
            each = {data_config.label_names[0]: labels}
        known = {name: frozenset(_all_columns(data_config, one) - bare) for name, one in each.items()}
        data_config._hepjepa_label_columns = known
    return known


def _all_columns(data_config: Any, labels: Mapping[str, Any]) -> set[str]:
    found = DataConfig(print_info=False, **{**data_config.options, "labels": labels})
    return {*found.train_load_branches, *found.test_load_branches}


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


def is_class(label: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which labels (N,) give a class: not those that are -1 or NaN."""
    return np.asarray((label == label) & (label != NONE))  # noqa: PLR0124 - NaN is no equal of itself


def known_classes(label: NDArray[Any]) -> NDArray[Any]:
    """Return the labels of the jets that have a class."""
    return np.asarray(label)[is_class(np.asarray(label))]


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
