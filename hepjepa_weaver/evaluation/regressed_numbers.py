"""Numbers that a network regressed, such as a mass: their bias, resolution and tails, from prediction files.

A prediction has the true number in the column of the label, and `output_LABEL` beside it. Quantiles other than the
median are in `output_LABEL_q16` and the like. Shapes: N jets, R replicas.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import uproot
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError, first_line
from hepjepa_weaver.evaluation.bootstrap import QUANTILES, REPLICAS, Interval
from hepjepa_weaver.evaluation.predictions import PREDICT_AGAIN

Floats = NDArray[np.float64]
FAR = 3.0
"""Resolutions from the median beyond which a jet counts as far off."""
CENTRAL = (0.16, 0.5, 0.84)


@dataclass(frozen=True)
class RegressedNumber:
    """One number of the jets that have it.

    Attributes:
        name: name of the label.
        true: (N,), as in the file.
        predicted: (N,), the network's value, or its median.
        quantiles: (N,), further predicted quantiles, by their level.
        num_unknown: number of jets without a true number.
    """

    name: str
    true: Floats
    predicted: Floats
    quantiles: Mapping[float, Floats]
    num_unknown: int

    @property
    def is_relative(self) -> bool:
        """Whether the response is predicted / true, as where all are positive, and not predicted - true."""
        return bool((self.true > 0).all())

    @property
    def response(self) -> Floats:
        """The response (N,) of the network: 1, or 0 if not relative, for a perfect one."""
        return self.predicted / self.true if self.is_relative else self.predicted - self.true

    @property
    def constant_response(self) -> Floats:
        """The response (N,) of the best single number for all jets: its median."""
        median = np.median(self.true)
        return median / self.true if self.is_relative else median - self.true


def read_numbers(paths: Sequence[Path], names: Sequence[str]) -> list[RegressedNumber]:
    """Return those of the labels `names` that a network regressed, from prediction files that are joined.

    Raises:
        UserError: a file cannot be read, or a predicted number is not finite.
    """
    if not names:
        return []
    tables = [_read(path, names) for path in paths]
    shared = set.intersection(*(set(table) for table in tables))
    found = []
    for name in names:
        if {name, f"output_{name}"} <= shared:
            joined = {column: np.concatenate([table[column] for table in tables])
                      for column in shared if column in (name, f"output_{name}") or _level(column, name)}  # fmt: skip
            found.append(_number(name, joined, ", ".join(map(str, paths))))
    return found


def _read(path: Path, names: Sequence[str]) -> dict[str, Floats]:
    """Return the columns (N,) of a prediction file that belong to the labels `names`."""
    if not path.is_file():
        raise UserError(f"{path} does not exist: {PREDICT_AGAIN}, look for 'Error when writing' in its log")
    try:
        if path.suffix == ".root":
            with uproot.open(path) as file:
                tree = file["Events"]
                return {name: np.asarray(tree[name].array(library="np"), np.float64) for name in tree.keys(
                        recursive=False) if _belongs(name, names)}  # fmt: skip
        with pq.ParquetFile(path) as file:
            wanted = [name for name in file.schema_arrow.names if _belongs(name, names)]
            table: Any = ak.from_arrow(file.read(columns=wanted)) if wanted else {}
        return {name: np.asarray(ak.to_numpy(table[name]), np.float64) for name in wanted}
    except (OSError, ValueError, KeyError, uproot.DeserializationError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}): {PREDICT_AGAIN}") from error


def _belongs(column: str, names: Sequence[str]) -> bool:
    return any(column in (name, f"output_{name}") or _level(column, name) for name in names)


def _level(column: str, name: str) -> float:
    """Return the level of the quantile of the label `name` in a column; 0 if there is none."""
    match = re.fullmatch(rf"output_{re.escape(name)}_q(\d+(?:\.\d+)?)", column)
    return float(match[1]) / 100 if match else 0.0


def _number(name: str, columns: Mapping[str, Floats], source: str) -> RegressedNumber:
    is_known = np.isfinite(columns[name])
    for column, values in columns.items():
        if column != name and not np.isfinite(values).all():
            raise UserError(f"{source}: column {column} holds values that are no numbers: {PREDICT_AGAIN}")
    quantiles = {level: values[is_known] for column, values in columns.items() if (level := _level(column, name))}
    predicted = columns[f"output_{name}"][is_known]
    return RegressedNumber(name, columns[name][is_known], predicted, quantiles, int((~is_known).sum()))


def require_known(numbers: Sequence[RegressedNumber]) -> None:
    """Check that a jet has a true number, where numbers are all that a network gives.

    Raises:
        UserError: none has.
    """
    if not any(len(number.true) for number in numbers):
        names = ", ".join(number.name for number in numbers)
        raise UserError(f"no jet of the prediction has a number in {names}: predict for files that hold it")


def number_metrics(number: RegressedNumber, replicas: int = REPLICAS, seed: int = 0) -> dict[str, Interval]:
    """Return bias, resolution and tails of a number with bootstrap intervals, by name; nothing if no jet has it.

    bias: median of the response, less 1 if it is relative. resolution: half the interval that holds the central 68 % of
    responses, as a fraction of the median if relative. constant: the resolution of the best single number for all jets.
    far off: fraction of jets further from the median than 3 resolutions; 0.27 % of a normal distribution. inside:
    fraction of true numbers between lowest and highest quantile.
    """
    if not len(number.true):
        return {}
    relative, response, constant = number.is_relative, number.response, number.constant_response
    levels = sorted(number.quantiles)
    inside = np.zeros(0)
    if len(levels) > 1:
        low, high = (number.quantiles[level] for level in (levels[0], levels[-1]))
        inside = ((number.true >= low) & (number.true <= high)).astype(np.float64)

    def measured(index: Any) -> list[float]:
        found = [*centre_and_width(response[index], relative), centre_and_width(constant[index], relative)[1]]
        return [*found, far_off(response[index]), *([float(inside[index].mean())] if len(inside) else [])]

    rng = np.random.default_rng(seed)
    drawn = np.array([measured(rng.integers(len(response), size=len(response))) for _ in range(replicas)])
    names = ("bias", "resolution", "constant", "far off", "inside")
    return {
        f"{number.name} {name}": Interval(value, *map(float, np.quantile(column, QUANTILES)))
        for name, value, column in zip(names, measured(slice(None)), drawn.T, strict=False)
    }


def centre_and_width(response: Floats, relative: bool) -> tuple[float, float]:
    """Return bias and resolution of responses (N,)."""
    low, median, high = np.quantile(response, CENTRAL)
    width = (high - low) / 2
    return (float(median - 1), float(width / median)) if relative else (float(median), float(width))


def far_off(response: Floats) -> float:
    """Return the fraction of responses (N,) that are far from the median."""
    low, median, high = np.quantile(response, CENTRAL)
    return float((np.abs(response - median) > FAR * (high - low) / 2).mean())


NUMBER_DEFINITIONS = (
    "bias: median of predicted / true, less 1. resolution: half the interval that holds the central 68 % of predicted "
    "/ true, as a fraction of its median. constant: the resolution of the best single number for all jets. far off: "
    "fraction of jets more than 3 resolutions from the median. inside: fraction of true numbers between the lowest and "
    "the highest predicted quantile. Numbers that are not all positive have predicted - true instead of the ratio."
)
