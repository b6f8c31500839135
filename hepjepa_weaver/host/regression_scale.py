"""The numbers of a regression, with their scale in the training files."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.run import TargetLabelConfig
from hepjepa_weaver.host.command_line import is_training
from hepjepa_weaver.host.input_files import count_readable, matching_files, some_matching_files
from hepjepa_weaver.host.labels import label_table, regressed_names, without_inputs
from hepjepa_weaver.model.regression_targets import RegressionTargets
from hepjepa_weaver.weaver_api.command import running_command

MOST_FILES = 20
"""Number of training files, evenly among all, whose labels give the scale."""
WITHIN = (0.16, 0.5, 0.84)
"""Quantiles that give centre and width: few jets that are far away do not matter."""

SAME = 1e-6
"""Relative difference of numbers that is rounding."""

Floats = NDArray[np.float64]


def regression_targets(data_config: Any, options: TargetLabelConfig) -> RegressionTargets:
    """Return the numbers to regress, with their scale in the training files; a checkpoint that is resumed has its own.

    Raises:
        UserError: a number is the same for all jets, or known for none.
    """
    names = regressed_names(data_config, options)
    command = running_command()
    scales = [(0.0, 1.0)] * len(names)
    if command is not None and is_training(command) and matching_files(command.data_train):
        scales = [scale_of(values, name) for name, values in zip(names, in_training_files(command, data_config, names),
                                                                 strict=True)]  # fmt: skip
    return RegressionTargets(names, options.predicted_quantiles, *zip(*scales, strict=True))


def in_training_files(args: Any, data_config: Any, names: tuple[str, ...]) -> list[Floats]:
    """Return the values of the labels `names` in some of the training files, each (N,)."""
    some = some_matching_files(args.data_train, MOST_FILES)
    tables = [table for path in some if (table := label_table(path, data_config)) is not None]
    if not tables:
        count_readable(some[0], without_inputs(data_config))  # it says which column is missing
        raise UserError(f"{some[0]} and {len(some) - 1} other training files hold no jet that passes the selection")
    return [np.concatenate([as_numbers(table[name]) for table in tables]) for name in names]


def as_numbers(label: Any) -> Floats:
    """Return a label (N,) as numbers, NaN where it is masked."""
    return np.ma.filled(np.ma.asarray(label, np.float64), np.nan)


def scale_of(values: Floats, name: str) -> tuple[float, float]:
    """Return centre and width of the values (N,) that are numbers.

    Raises:
        UserError: they do not differ, or there are none.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        raise UserError(f"the label {name} is no number in any jet of the training files: look at `labels:` in the "
                        "data config")  # fmt: skip
    low, centre, high = np.quantile(known, WITHIN)
    least = SAME * abs(float(centre))
    width = next((width for width in ((high - low) / 2, float(known.std())) if width > least), 0.0)
    if not width:
        raise UserError(f"the label {name} is {centre:g} for all jets of the training files: nothing is to be learned")
    return float(centre), float(width)
