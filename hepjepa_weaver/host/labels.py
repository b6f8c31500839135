"""The number of classes of a classifier: from names of labels, an option, the training files or a checkpoint."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.run import LabelConfig
from hepjepa_weaver.host.command_line import is_training
from hepjepa_weaver.host.input_files import count_readable, matching_files
from hepjepa_weaver.host.label_columns import check_label, class_index, known_classes
from hepjepa_weaver.host.readers import read_file
from hepjepa_weaver.host.start_weights import checkpoint_of
from hepjepa_weaver.model.made_with import read_made_with
from hepjepa_weaver.objectives.next_token.objective import ClassLabel
from hepjepa_weaver.weaver_api.command import running_command
from hepjepa_weaver.weaver_api.inputs import DataConfig, add_training_variables, selected_for_training

MOST_FILES = 20
"""Number of training files whose labels are read at the start of a training to count the classes."""
TAKEN = {"total", "class", "loss", "accuracy"}
"""Names among losses and metrics that no label to regress may have."""
LOOKED_AT, EXPECTED = 4, 10
"""Number of files whose order is looked at, and of jets whose absence is no chance."""


def num_classes(data_config: Any, options: LabelConfig) -> int:
    """Return the number of classes that a classifier tells apart; 0 for a regression.

    Args:
        data_config: weaver's. Its labels are one column for each class (`type: simple`), or one integer column with the
            number of the class, from 0 (`type: custom`).
        options: what the labels are; they may give the number.

    Raises:
        UserError: the labels are not understood, or nothing gives the number.
    """
    args = running_command()
    given = options.num_classes
    if options.target != "classes" and not regressed_names(data_config, options):
        raise UserError(
            f"-o target {options.target} needs labels of `type: custom` in the data config, and it has "
            f"{', '.join(data_config.label_value)}: name "
            + ("the class first, and each number after it" if options.target == "hybrid" else "each number")
        )
    if options.target == "regression":
        return 0
    if data_config.label_type == "simple":
        return _of_named_classes(data_config.label_value, given, args)
    names = list(data_config.label_value)
    if len(names) != 1 and options.target == "classes":
        raise UserError(
            f"the data config has the labels {', '.join(names) or '(none)'}, and a classifier takes one: keep one, or "
            "use `type: simple` with one column for each class, or -o target hybrid if the others are numbers"
        )
    number = given or _saved(args) or (_in_training_files(data_config, args) if args and is_training(args) else 0)
    if not number:
        raise UserError(f"the label {names[0]} does not tell its number of classes: give -o num_classes")
    return number


def regressed_names(data_config: Any, options: LabelConfig) -> tuple[str, ...]:
    """Return the names of the labels that are numbers to regress; with a class, the class comes first.

    Raises:
        UserError: one has the name of a loss.
    """
    if options.target == "classes" or data_config.label_type == "simple":
        return ()
    names = tuple(data_config.label_value)
    taken = TAKEN & set(names)
    if taken:
        raise UserError(f"the label {min(taken)} of the data config has the name of a loss: give it another one")
    return names[1:] if options.target == "hybrid" else names


def class_label(data_config: Any) -> ClassLabel:
    """Return name and number of classes of the label that tells the class of a jet.

    Raises:
        UserError: the data config does not name several classes.
    """
    names = list(data_config.label_value)
    if data_config.label_type != "simple" or len(names) < 2:
        raise UserError(
            f"-o class_condition needs a data config with several classes under labels (`type: simple`), and this one "
            f"has {', '.join(names) or '(none)'}: add them, or leave the option out"
        )
    return ClassLabel(data_config.label_names[0], len(names))


def _of_named_classes(names: Sequence[str], given: int, args: Any) -> int:
    saved = _saved(args) if len(names) == 1 else None
    if saved:  # jets without labels: the data config of a test names no classes
        return saved
    if given and given != len(names):
        raise UserError(f"-o num_classes is {given}, and the data config names {len(names)} classes: leave it out")
    return len(names)


def _saved(args: Any) -> int | None:
    """Return the number of classes of the network whose weights are to be used as they are; None if not known."""
    path = None if args is None or is_training(args) else checkpoint_of(args)
    saved = read_made_with(path) if path else None
    return saved.num_classes if saved else None


def _in_training_files(data_config: Any, args: Any) -> int:
    """Return the number of classes in the training files.

    Raises:
        UserError: there are many files, or labels that are no classes.
    """
    paths = matching_files(args.data_train)
    if len(paths) > MOST_FILES:
        raise UserError(f"the labels of {len(paths)} files are not counted: give -o num_classes")
    key = (*paths, str(data_config.options["labels"]))
    if key not in _counted:
        _counted[key] = _count(data_config, paths)
    return _counted[key]


_counted: dict[tuple[str, ...], int] = {}
"""Number of classes in files, so that a start of a training counts once."""


def _count(data_config: Any, paths: Sequence[str]) -> int:
    name = next(iter(data_config.label_value))
    labels = [label for path in paths if (label := read_labels(path, data_config)) is not None]
    labels = [known_classes(label) for label in labels]
    for label in labels:
        check_label(label, name)
    highest = max((int(label.max()) for label in labels if len(label)), default=-1)
    if highest < 1:
        raise UserError(f"the label {name} has fewer than two classes in the training files: give -o num_classes")
    return highest + 1


def read_labels(path: str, data_config: Any) -> NDArray[Any] | None:
    """Return the first label (N,) of all jets in a file; None if the file has no labels or no jets."""
    table = label_table(path, data_config)
    if table is None:
        return None
    return (
        class_index(table, data_config)
        if data_config.label_type == "simple"
        else np.asarray(table[data_config.label_names[0]])
    )


def label_table(path: str, data_config: Any) -> Any:
    """Return all labels of the jets in a file, as a table; None if the file has no labels or no jets.

    Columns of particles are not read.
    """
    config = without_inputs(data_config)
    try:
        count_readable(path, config)
    except UserError:
        return None  # it is left out later, with a warning
    read = read_file(path, config.train_load_branches, None, config)
    if read is None or not len(read[0]):
        return None
    table = add_training_variables(selected_for_training(read[0], config), config)
    return table if len(table) else None


def without_inputs(data_config: Any) -> Any:
    """Return a data config with the labels and the selection of another, and without its inputs."""
    kept = ("treename", "branch_magic", "file_magic", "labels", "new_variables")
    options = {name: data_config.options[name] for name in kept}
    return DataConfig(print_info=False, inputs={}, selection=data_config.selection, **options)


def check_split(args: Any, data_config: Any) -> None:
    """Check that `--train-val-split` does not give the classes of sorted files to one part alone.

    Weaver validates with the end of each training file.

    Args:
        args: weaver's parsed command line.
        data_config: weaver's.

    Raises:
        UserError: the end of the first files lacks a class that is frequent in their beginning.
    """
    if args.data_val:
        return
    paths = matching_files(args.data_train)
    train, validation = [], []
    for path in paths[:LOOKED_AT]:
        label = read_labels(path, data_config)
        if label is not None and label.dtype.kind != "f":
            cut = int(args.train_val_split * len(label))
            train.append(label[:cut])
            validation.append(label[cut:])
    missing = missing_classes(np.concatenate(train), np.concatenate(validation)) if train else ()
    if len(missing):
        raise UserError(
            f"the last {1 - args.train_val_split:.0%} of {', '.join(paths[:LOOKED_AT])}, with which weaver validates, "
            f"hold no jet of class {', '.join(map(str, missing))}, and the rest does: the jets are sorted by class; "
            "shuffle them, or give files with --data-val"
        )


def missing_classes(train: NDArray[np.int64], validation: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the classes of `train` (N,) that `validation` (M,) lacks, and not by chance."""
    frequency = np.bincount(train[train >= 0]) / max(len(train), 1)
    there = np.bincount(validation[validation >= 0], minlength=len(frequency))[: len(frequency)]
    return np.flatnonzero((frequency * len(validation) >= EXPECTED) & (there == 0))
