"""Jets of files as weaver gives them to a network, in the order of the file, with the number of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor

from hepjepa_weaver.common.errors import UserError, first_line
from hepjepa_weaver.datasets.ragged import as_ragged
from hepjepa_weaver.host import reading
from hepjepa_weaver.host.input_files import count_readable
from hepjepa_weaver.host.readers import read_file
from hepjepa_weaver.weaver_api.inputs import DataConfig, add_new_variables, selected, standardised_inputs

CHUNK = 10_000
"""Number of jets held at once: about 100 MB as weaver pads them."""
ENTRY = "_entry_"


@dataclass(frozen=True)
class JetChunk:
    """Jets of one file.

    Attributes:
        inputs: tensors (N, C, P), in the order of the data config's inputs.
        entry: (N,), numbers of the jets in their file, from 0. Jets that the selection removes are missing.
        observers: further columns by name, one value a jet.
    """

    inputs: tuple[Tensor, ...]
    entry: NDArray[np.int64]
    observers: Mapping[str, Any] = field(default_factory=dict)


def load_data_config(path: Path, observers: Sequence[str] = ()) -> Any:
    """Return weaver's data config without what only a training needs: labels, weights and its own observers.

    Args:
        path: the file.
        observers: columns of the input files, or new variables of the data config, to carry over.

    Raises:
        UserError: there is no such file, or it is no data config.
    """
    reading.install()
    try:
        return of_inputs_alone(yaml.safe_load(path.read_text()), observers)
    except FileNotFoundError as error:
        raise UserError(f"data config {path} does not exist: `hepjepa where` lists those that are shipped") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is no data config of weaver's: {type(error).__name__}: {first_line(error)}") from error


def of_inputs_alone(options: Mapping[str, Any], observers: Sequence[str] = ()) -> Any:
    """Return the data config of these options without labels and weights, and with other observers."""
    unused = {"labels": {"type": "custom", "value": {}}, "weights": None, "bucketing": None, "monitor_variables": None}
    return DataConfig(print_info=False, **{**options, **unused, "observers": list(observers) or None})


def jets_of_file(path: Path, data_config: Any, at_once: int | None = None) -> Iterator[JetChunk]:
    """Read the jets that pass the test-time selection, some entries of the file at a time.

    Args:
        path: the file.
        data_config: data config of weaver.
        at_once: number of entries that are read together; None stands for `CHUNK`.

    Raises:
        UserError: the file cannot be read, or lacks a column that the data config reads.
    """
    num_entries = count_readable(str(path), data_config, is_test=True, may_be_empty=True)
    if num_entries is None:
        raise UserError(f"{path} is of a kind that is not read here: convert it to .root, .parquet or .h5")
    step = at_once or CHUNK
    for start in range(0, num_entries, step):
        stop = min(start + step, num_entries)
        # Weaver takes fractions of a file and cuts their ends down to whole entries: aim at the middle of an entry.
        share = ((start + 0.5) / num_entries if start else 0.0, (stop + 0.5) / num_entries if stop < num_entries else 1)
        read = read_file(str(path), data_config.test_load_branches, share, data_config)
        if read is None or len(read[0]) != stop - start:
            raise UserError(f"{path} cannot be read from jet {start} to {stop}: get or make it anew")
        chunk = preprocess(read[0], data_config, str(path), start)
        if len(chunk.entry):
            yield chunk


def jets_of_array(table: Any, data_config: Any) -> Iterator[JetChunk]:
    """Cut an awkward array into chunks of jets that pass the test-time selection.

    Raises:
        UserError: it is no such array, or lacks a column that the data config reads.
    """
    if not isinstance(table, ak.Array):
        raise UserError(f"jets are {type(table).__name__}: give the paths of files, or an awkward array of jets")
    for start in range(0, len(table), CHUNK):
        chunk = preprocess(table[start : start + CHUNK], data_config, "the array", start)
        if len(chunk.entry):
            yield chunk


def preprocess(table: Any, data_config: Any, source: str, first_entry: int) -> JetChunk:
    """Select the jets, compute new variables, standardise and pad.

    Weaver's functions do it, as in its tests.

    Args:
        table: awkward array of jets, with the columns that the data config reads.
        data_config: data config of weaver.
        source: name of the file or array, for messages.
        first_entry: number in its file of the first jet of `table`.

    Raises:
        UserError: a column is missing.
    """
    missing = sorted(set(data_config.test_load_branches) - set(table.fields) - {"aux_training_"})
    if missing:
        raise UserError(f"{source} has no column {', '.join(missing)}, which the data config reads")
    table = as_ragged(ak.to_packed(table))  # weaver's padding misreads slices
    table = ak.with_field(table, np.arange(first_entry, first_entry + len(table)), ENTRY)
    table["aux_training_"] = False
    table = selected(table, data_config)
    entry = ak.to_numpy(table[ENTRY]).astype(np.int64)
    if not len(entry):
        return JetChunk((), entry)
    table = add_new_variables(table, data_config)
    observers = {name: table[name] for name in data_config.observer_names}
    columns = standardised_inputs(table, data_config)
    return JetChunk(tuple(map(torch.from_numpy, columns)), entry, observers)
