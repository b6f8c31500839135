"""Weaver's loaders and readers of files (`weaver/utils/dataset.py`, `weaver/utils/data/fileio.py`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weaver.utils import dataset
from weaver.utils.data import fileio
from weaver.utils.data.config import DataConfig

from hepjepa_weaver.weaver_api.changed import WeaverChanged

__all__ = [
    "READERS",
    "SAMPLER",
    "add_observers",
    "dataset",
    "file_lists",
    "fileio",
    "files_of",
    "read_in_passes",
    "reader",
    "set_file_lists",
    "set_sampler_option",
]


def file_lists(loader: Any) -> Mapping[str, list[str]]:
    """Return the files of a weaver loader, by group.

    Private: `_init_file_dict` of the loader's dataset.

    Raises:
        WeaverChanged: the dataset has no such mapping.
    """
    lists = getattr(loader.dataset, "_init_file_dict", None)
    if not isinstance(lists, Mapping):
        raise WeaverChanged("keeps the files of a loader elsewhere than in `_init_file_dict` of its dataset")
    return lists


def files_of(loader: Any) -> list[str]:
    """Return the files of a weaver loader, group by group."""
    return [path for paths in file_lists(loader).values() for path in paths]


def set_file_lists(loader: Any, lists: Mapping[str, Sequence[str]]) -> None:
    """Replace the files of a weaver loader, before its first batch."""
    file_lists(loader)
    loader.dataset._init_file_dict = {group: list(paths) for group, paths in lists.items()}


READERS = {".root": "_read_root", ".parquet": "_read_parquet", ".h5": "_read_hdf5", ".awkd": "_read_awkd"}
"""Private: weaver's functions in `fileio` that read a file, by file ending."""


def reader(ending: str) -> Callable[..., Any]:
    """Return weaver's function that reads files of this ending.

    Raises:
        WeaverChanged: `fileio` has no such function.
    """
    found: Callable[..., Any] | None = getattr(fileio, READERS[ending], None)
    if found is None:
        raise WeaverChanged(f"has no {READERS[ending]} to read {ending} files with")
    return found


SAMPLER = "_sampler_options"
"""Private: options of a loader's dataset that reach weaver's reading of jets."""


def set_sampler_option(loader: Any, name: str, value: Any) -> None:
    """Set an option that reaches weaver's `_load_next` and `_preprocess`, before the first batch.

    Raises:
        WeaverChanged: the dataset has no such options.
    """
    options = getattr(loader.dataset, SAMPLER, None)
    if not isinstance(options, dict) or "reweight" not in options:
        raise WeaverChanged(f"has no {SAMPLER} with `reweight` in a loader's dataset")
    options[name] = value


def read_in_passes(loader: Any) -> None:
    """Have a loader give each jet at most once an epoch, before its first batch.

    Private: `_infinity_mode`, `_in_memory` and `_iters` of the loader's dataset.

    Raises:
        WeaverChanged: the dataset lacks one of them.
    """
    for name, value in (("_infinity_mode", False), ("_in_memory", False), ("_iters", None)):
        if not hasattr(loader.dataset, name):
            raise WeaverChanged(f"has no {name} in a loader's dataset")
        setattr(loader.dataset, name, value)


def add_observers(loader: Any, names: Sequence[str]) -> None:
    """Have a loader of a test give further columns beside its jets, before its first batch.

    Nothing is added to a data config with `monitor_variables`, with which weaver allows no observers.
    """
    config = loader.dataset.config
    if config.monitor_variables:
        return
    more = [name for name in names if name not in config.observer_names]
    options = {**config.options, "observers": [*config.observer_names, *more]}
    loader.dataset._data_config = DataConfig(print_info=False, **options)
