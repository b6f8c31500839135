"""From a file to a network's inputs (`weaver/utils/data/preprocess.py`, `weaver/utils/dataset.py`)."""

from typing import Any

from weaver.utils import dataset
from weaver.utils.data import preprocess
from weaver.utils.data.config import DataConfig
from weaver.utils.data.tools import _concat as join_columns

from hepjepa_weaver.weaver_api.changed import private

__all__ = [
    "DataConfig",
    "add_new_variables",
    "add_training_variables",
    "evaluated",
    "join_columns",
    "preprocess",
    "selected",
    "selected_for_training",
    "standardised_inputs",
]


def evaluated(expression: str, table: Any) -> Any:
    """Return the value of an expression of a data config for a table of jets.

    Private: `_eval_expr` of `preprocess`.
    """
    return private(preprocess, "_eval_expr")(expression, table)


def selected(table: Any, data_config: Any) -> Any:
    """Return the jets that pass the selection of tests.

    Private: `_apply_selection` of `preprocess`.
    """
    choose = private(preprocess, "_apply_selection")
    return choose(table, data_config.test_time_selection, funcs=data_config.var_funcs)


def selected_for_training(table: Any, data_config: Any) -> Any:
    """Return the jets that pass the selection of training.

    Private: `_apply_selection` of `preprocess`.
    """
    return private(preprocess, "_apply_selection")(table, data_config.selection, funcs=data_config.var_funcs)


def add_new_variables(table: Any, data_config: Any) -> Any:
    """Add the data config's new variables, as for a test.

    Private: `_build_new_variables` of `preprocess`.
    """
    return private(preprocess, "_build_new_variables")(table, data_config.test_var_funcs)


def add_training_variables(table: Any, data_config: Any) -> Any:
    """Add the data config's new variables, as for a training.

    Private: `_build_new_variables` of `preprocess`.
    """
    return private(preprocess, "_build_new_variables")(table, data_config.train_var_funcs)


def standardised_inputs(table: Any, data_config: Any) -> list[Any]:
    """Standardise, clip and pad the inputs: arrays (N, C, P) in the order of the data config.

    Private: `_finalize_inputs` of `dataset`, which gives the input `name` as `_name`.
    """
    columns = private(dataset, "_finalize_inputs")(table, data_config)
    return [columns[f"_{name}"] for name in data_config.input_names]
