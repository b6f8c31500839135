"""The way from files to padded inputs: weaver's readers and functions, with what weaver would get wrong put right.

    files ─ read_file ─ as_ragged ─ selection ─ tidy_particles ─ standardise, pad ─ labels

`load_next` takes the place of weaver's function of that name, in training, validation and test alike.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError, first_line
from hepjepa_weaver.host.label_columns import (
    MANY,
    check_label,
    class_index,
    columns_of_each_label,
    is_class,
    known_classes,
    label_columns,
    without_class,
)
from hepjepa_weaver.host.notes import NOTES
from hepjepa_weaver.host.readers import read_file
from hepjepa_weaver.host.sampling import checked_weights
from hepjepa_weaver.host.tables import Tidied, leave_out_empty, tidy_particles
from hepjepa_weaver.weaver_api.inputs import join_columns, preprocess
from hepjepa_weaver.weaver_api.loaders import dataset
from hepjepa_weaver.weaver_api.substitutes import replace_function

FILE, ENTRY = ADDED = ("file", "entry")
"""Columns of a prediction: the number of a jet's file among those read, and of the jet in its file."""
UNLABELLED, FILES, NUM_CLASSES, NUMBERS = "takes_unlabelled", "files", "num_classes", "numbers"
"""Keys among weaver's options of a loader.

They say whether jets without a class are let through, and which files the loader reads. They also give the number of
classes, and the labels that are numbers to regress.
"""

Table = Any


def install() -> None:
    """Put the functions of this module in the place of weaver's.

    Raises:
        WeaverChanged: weaver has no function of that name.
    """
    replace_function(dataset, "_load_next", lambda _: load_next)
    replace_function(dataset, "_check_labels", lambda _: unchecked)  # `check_classes` does
    replace_function(dataset, "_finalize_inputs", finalised)
    replace_function(dataset, "_build_weights", checked_weights)
    replace_function(preprocess, "_eval_expr", explained)


def load_next(
    data_config: Any, filelist: Sequence[str], load_ranges: Any, options: Mapping[str, Any]
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Return the jets of parts of files, ready for the network, and the order in which to give them.

    Raises:
        UserError: jets have several classes, and the network needs one. Also if an expression of the data config or a
            weight is wrong.
        RuntimeError: nothing could be read, in weaver's words.
    """
    files = options.get(FILES) or list(filelist)
    table = read_files(data_config, filelist, load_ranges, options, files)
    if table is None:
        return {}, np.zeros(0, np.int64)
    read, num_empty = np.unique(np.asarray(table[FILE])), leave_out_empty(table, data_config)
    prepared = dataset._preprocess(table, data_config, options)
    jets: dict[str, Any] = prepared[0] if prepared else {}
    indices: NDArray[np.int64] = prepared[1] if prepared else np.zeros(0, np.int64)
    kept = np.unique(jets.pop(KEPT, ()))
    for number in read:
        note_contribution(files[number], number in kept, options["mode"])
    mark_unknown(jets, options.get(NUMBERS, ()))
    tidied = jets.pop(TIDIED, Tidied())
    tidied = dataclasses.replace(tidied, num_empty=tidied.num_empty + num_empty)
    if tidied.num_empty or tidied.num_sorted:
        note_once("tidied", options["mode"], **dataclasses.asdict(tidied))
    if jets:
        check_classes(data_config, jets, options)
        indices = indices[has_class(data_config, jets, options)[indices]]
    return (jets, indices) if len(indices) else ({}, indices)


def read_files(
    data_config: Any,
    filelist: Sequence[str],
    load_ranges: Any,
    options: Mapping[str, Any],
    files: Sequence[str],
) -> Table:
    """Return the jets of parts of files as one table, with the columns `file` and `entry`; None if there are no jets.

    A file that cannot be read is logged and noted, as by weaver. Columns that only labels need may be missing where
    jets need no label: in a test, and in pre-training.

    Raises:
        RuntimeError: no file could be read.
    """
    wanted = data_config.train_load_branches if options["training"] else data_config.test_load_branches
    may_lack = label_columns(data_config) if options.get(UNLABELLED) or not options["training"] else frozenset()
    numbers = {path: number for number, path in enumerate(files)}
    labels = columns_of_each_label(data_config) if data_config.label_type != "simple" else {}
    tables, sources, absent, failed = [], [], [], False
    for path, load_range in zip(filelist, load_ranges, strict=True):
        read = read_file(path, wanted, load_range, data_config, may_lack)
        failed = failed or read is None
        if read is not None and len(read[0]):
            table, first_entry = read
            missing = [name for name in may_lack if name not in table.fields]
            for name in missing:
                table[name] = np.zeros(len(table), np.int8)
            tables.append(table)
            sources.append((numbers[path], first_entry))
            absent.append([bool(columns & {*missing}) for columns in labels.values()])
    if not tables and not failed:
        return None
    if not tables:
        raise RuntimeError(f"Zero entries loaded when reading files {filelist} with `load_ranges`={load_ranges}.")
    counts = [len(table) for table in tables]
    table = with_sources(tables, sources)
    for name, is_absent in zip(labels, zip(*absent, strict=True), strict=True):
        table[f"{UNKNOWN}{name}"] = np.repeat(is_absent, counts)
    return table


def with_sources(tables: Sequence[Table], sources: Sequence[tuple[int, int]]) -> Table:
    """Return tables as one, with file and entry of each jet.

    Args:
        tables: the jets of parts of files.
        sources: of each part, the number of the file, and the number of its first jet.
    """
    counts = [len(table) for table in tables]
    number, first = (np.repeat(values, counts) for values in zip(*sources, strict=True))
    place = np.concatenate([np.arange(count) for count in counts])
    table = tables[0] if len(tables) == 1 else join_columns(tables)
    table[FILE], table[ENTRY] = number, first + place
    return table


KEPT, TIDIED, UNKNOWN = "_kept_", "_tidied_", "_unknown_"


def finalised(finalize_inputs: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return weaver's last step of preparing jets, with particles tidied before and labels marked after."""

    def finalise(table: Table, data_config: Any) -> dict[str, Any]:
        tidied = tidy_particles(table, data_config)
        label = class_index(table, data_config) if data_config.label_type == "simple" else None
        jets = finalize_inputs(table, data_config)
        if label is not None:
            jets[data_config.label_names[0]] = label
        if FILE in table.fields:
            jets[KEPT], jets[TIDIED] = np.asarray(table[FILE]), tidied
            unknown = [name for name in data_config.label_names if f"{UNKNOWN}{name}" in table.fields]
            jets[UNKNOWN] = {name: np.asarray(table[f"{UNKNOWN}{name}"]) for name in unknown}
        return jets

    return finalise


def mark_unknown(jets: dict[str, Any], numbers: Collection[str]) -> None:
    """Have labels (N,) of jets say where they are not known: NaN for numbers to regress, otherwise -1 or NaN."""
    for name, is_unknown in jets.pop(UNKNOWN, {}).items():
        label = np.ma.asarray(jets[name], np.float64) if name in numbers else jets[name]
        jets[name] = without_class(label, is_unknown)


def unchecked(table: Table) -> None:
    """Pass any labels."""


def check_classes(data_config: Any, jets: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Check that jets have the one class that a network needs.

    Raises:
        UserError: some have several.
    """
    if not options["training"]:
        return
    number = options.get(NUM_CLASSES)
    if number is not None and data_config.label_type != "simple":
        check_label(known_classes(jets[data_config.label_names[0]]), data_config.label_names[0], number)
    if data_config.label_type != "simple":
        return
    label = jets[data_config.label_names[0]]
    several = int((label == MANY).sum())
    if several:
        names = ", ".join(data_config.label_value)
        raise UserError(f"{several} of {len(label)} jets have several classes: of {names} one is to be 1, the others 0")


def has_class(data_config: Any, jets: Mapping[str, Any], options: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Tell which jets (N,) to give: all, or in a training that needs labels, those with a class. Note the others."""
    label = np.asarray(jets[data_config.label_names[0]])
    needs_class = data_config.label_type == "simple" or options.get(NUM_CLASSES) is not None
    if not options["training"] or options.get(UNLABELLED) or not needs_class:
        return np.ones(len(label), dtype=bool)
    known = is_class(label)
    if not known.all():
        NOTES.write("no_class", use=options["mode"], number=int((~known).sum()), of=len(label))
    return np.asarray(known)


def explained(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Return weaver's evaluation of an expression of a data config; its errors name the expression."""

    def explain(expression: str, table: Table) -> Any:
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # the logarithm of 0: weaver tells of NaN itself
                return evaluate(expression, table)
        except Exception as error:  # whatever the user's expression raises
            raise UserError(
                f"the expression {expression!r} of the data config cannot be computed "
                f"({type(error).__name__}: {first_line(error)}): correct it, or the columns that it uses"
            ) from error

    return explain


_noted: set[tuple[str, ...]] = set()


def note_once(kind: str, use: str, **values: Any) -> None:
    """Leave a note, unless this process has left one of this kind and use."""
    if (kind, use) not in _noted:
        _noted.add((kind, use))
        NOTES.write(kind, use=use, **values)


def note_contribution(path: str, has_jets: bool, use: str) -> None:
    """Leave a note whether a file has given jets that pass the selection, when it is read for the first time."""
    key = ("jets", path, use, str(has_jets))
    if key not in _noted:
        _noted.add(key)
        NOTES.write("jets", path=path, use=use, has_jets=has_jets)
