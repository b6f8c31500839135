from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import tables
import torch
import uproot
import weaver.train
from torch import nn
from weaver.utils.data.config import DataConfig

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.run import LabelConfig
from hepjepa_weaver.host.labels import (
    MOST_FILES,
    _in_training_files,
    check_split,
    missing_classes,
    num_classes,
    read_labels,
)
from hepjepa_weaver.model.made_with import MadeWith, describe
from hepjepa_weaver.weaver_api.command import running_command
from tests.helpers.data_configs import jetclass_config
from tests.helpers.messages import naming
from tests.helpers.networks import weaver_args
from tests.helpers.toy_jets import LABELS

FLAGS = ("label_a", "label_b", "label_c")


def config(labels, **changes):
    """A data config with these labels, whose particles no file of these tests has."""
    inputs = {"pf_features": {"length": 8, "vars": [["part_pt", None]]}}
    return DataConfig(print_info=False, inputs=inputs, labels=labels, **changes)


def simple(*names):
    return config({"type": "simple", "value": list(names or FLAGS)})


def custom(**values):
    return config({"type": "custom", "value": values or {"flavour": "jet_flavour"}})


def write(folder, file_name="jets.root", **columns):
    """A file of the columns of labels alone."""
    path = Path(folder, file_name)
    table = {name: ak.Array(np.asarray(column)) for name, column in columns.items()}
    if path.suffix == ".root":
        with uproot.recreate(path) as file:
            file.mktree("tree", {name: column.type for name, column in table.items()})
            file["tree"].extend(table)
    elif path.suffix == ".parquet":
        ak.to_parquet(ak.Array(table), path)
    else:
        with tables.open_file(str(path), "w") as file:
            for name, column in table.items():
                file.create_array("/", name, np.asarray(column))
    return str(path)


def flags_of(classes):
    """The flags of classes a, b and c."""
    return {name: (np.asarray(classes) == place).astype("float32") for place, name in enumerate(FLAGS)}


def in_weaver(monkeypatch, args, data_config, given=0):
    """The number of classes inside a `weaver` command with this command line."""

    def _main(args):
        assert running_command() is args
        return num_classes(data_config, LabelConfig(num_classes=given))

    monkeypatch.setattr(weaver.train, "_main", _main)
    return _main(args)


def checkpoint(folder, labels, number):
    network = nn.Linear(2, 2)
    describe(network, MadeWith({}, labels, number, {}, "1"))
    torch.save(network.state_dict(), Path(folder, "net_best_epoch_state.pt"))
    return str(Path(folder, "net"))


# --- the number of classes ---


def test_named_classes_are_counted():
    assert num_classes(jetclass_config("full"), LabelConfig()) == len(LABELS)
    assert num_classes(jetclass_config("full"), LabelConfig(num_classes=len(LABELS))) == len(LABELS)


def test_an_option_that_disagrees_with_the_named_classes_is_an_error():
    with pytest.raises(UserError, match=naming("-o num_classes is 4", "3 classes")):
        num_classes(simple(), LabelConfig(num_classes=4))


def test_an_integer_label_takes_the_option():
    assert num_classes(custom(), LabelConfig(num_classes=7)) == 7


def test_an_integer_label_alone_does_not_tell():
    with pytest.raises(UserError, match=naming("flavour", "-o num_classes")):
        num_classes(custom(), LabelConfig())


@pytest.mark.parametrize("given", [0, 3])
def test_two_integer_labels_are_an_error(given):
    with pytest.raises(UserError, match=naming("flavour, mass", "type: simple")):
        num_classes(custom(flavour="jet_flavour", mass="jet_mass"), LabelConfig(num_classes=given))


def test_no_label_is_an_error():
    with pytest.raises(UserError, match=naming("(none)")):
        num_classes(config({"type": "custom", "value": {}}), LabelConfig(num_classes=3))


def test_a_training_counts_the_classes_of_its_files_unless_the_option_tells(tmp_path, monkeypatch):
    path = write(tmp_path, jet_flavour=[0, 4, 2])
    args = weaver_args("--data-train", f"a:{tmp_path}/*.root")
    assert in_weaver(monkeypatch, args, custom()) == 5
    assert in_weaver(monkeypatch, args, custom(), given=9) == 9
    args = weaver_args("--data-train", path, "--predict", "--model-prefix", str(tmp_path / "nothing"))
    with pytest.raises(UserError, match="-o num_classes"):
        in_weaver(monkeypatch, args, custom())


@pytest.mark.parametrize("data_config", [custom(), simple("label_a")], ids=["integer", "one name"])
def test_a_test_takes_the_number_of_the_checkpoint(tmp_path, monkeypatch, data_config):
    """A data config of jets without labels may name a single class."""
    args = weaver_args("--predict", "--model-prefix", checkpoint(tmp_path, ["flavour"], 6))
    assert in_weaver(monkeypatch, args, data_config) == 6
    assert in_weaver(monkeypatch, weaver_args("--model-prefix", args.model_prefix), simple("label_a")) == 1


def test_an_export_takes_the_number_of_the_checkpoint(tmp_path, monkeypatch):
    prefix = checkpoint(tmp_path, ["flavour"], 6)
    args = weaver_args("--export-onnx", "net.onnx", "--model-prefix", f"{prefix}_best_epoch_state.pt")
    assert in_weaver(monkeypatch, args, custom()) == 6


def test_named_classes_of_a_test_are_those_of_the_data_config(tmp_path, monkeypatch):
    args = weaver_args("--predict", "--model-prefix", checkpoint(tmp_path, list(FLAGS), 6))
    assert in_weaver(monkeypatch, args, simple()) == 3


# --- in training files ---


@pytest.mark.parametrize("ending", ["root", "parquet", "h5"])
@pytest.mark.parametrize("kind", ["int8", "uint8", "int64", "uint64", "float32", "float64"])
def test_classes_are_counted_in_files_of_every_kind(tmp_path, ending, kind):
    write(tmp_path, f"a.{ending}", jet_flavour=np.array([0, 1, 1], kind))
    write(tmp_path, f"b.{ending}", jet_flavour=np.array([3, 0], kind))
    assert _in_training_files(custom(), weaver_args("--data-train", f"x:{tmp_path}/a.*", f"{tmp_path}/b.*")) == 4


@pytest.mark.parametrize("ending", ["root", "parquet"])
def test_a_flag_makes_two_classes(tmp_path, ending):
    path = write(tmp_path, f"jets.{ending}", jet_flavour=np.array([True, False, True]))
    assert _in_training_files(custom(), weaver_args("--data-train", path)) == 2


def test_an_expression_may_make_the_label(tmp_path):
    path = write(tmp_path, jet_flavour=np.array([0, 5, 21]))
    data_config = config(
        {"type": "custom", "value": {"kind": "is_b + 2 * (jet_flavour == 21)"}},
        new_variables={"is_b": "jet_flavour == 5"},
    )
    assert read_labels(path, data_config).tolist() == [0, 1, 2]
    assert _in_training_files(data_config, weaver_args("--data-train", path)) == 3


def test_files_that_cannot_be_read_or_have_no_label_do_not_count(tmp_path):
    write(tmp_path, "a.root", jet_flavour=[0, 1])
    write(tmp_path, "b.root", jet_pt=[7.0])
    (tmp_path / "c.root").write_bytes(b"root and no more")
    assert _in_training_files(custom(), weaver_args("--data-train", f"{tmp_path}/*.root")) == 2


@pytest.mark.parametrize(
    ("label", "named"),
    [
        ([0, 0], "two classes"),
        ([0, -2, 1], "-2"),
        ([0.0, 0.5], "0.5"),
        ([0.0, np.nan], "two classes"),
        ([-1, -1], "two"),
    ],
)
def test_labels_that_are_no_classes_are_an_error(tmp_path, label, named):
    path = write(tmp_path, jet_flavour=np.array(label))
    with pytest.raises(UserError, match=naming("flavour", named)):
        _in_training_files(custom(), weaver_args("--data-train", path))


def test_jets_without_a_class_do_not_count(tmp_path):
    path = write(tmp_path, jet_flavour=np.array([-1, 0, np.nan, 2]))
    assert _in_training_files(custom(), weaver_args("--data-train", path)) == 3


def test_only_jets_that_pass_the_selection_count(tmp_path):
    path = write(tmp_path, jet_flavour=[0, 1, 5], jet_pt=[500.0, 600.0, 100.0])
    chosen = config({"type": "custom", "value": {"flavour": "jet_flavour"}}, selection="jet_pt > 300")
    assert _in_training_files(chosen, weaver_args("--data-train", path)) == 2


def test_files_without_the_label_are_an_error(tmp_path):
    path = write(tmp_path, jet_pt=[7.0])
    with pytest.raises(UserError, match=naming("flavour", "-o num_classes")):
        _in_training_files(custom(), weaver_args("--data-train", path))


def test_many_files_are_not_read(tmp_path):
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.root").touch()
    with pytest.raises(UserError, match=naming(MOST_FILES + 1, "-o num_classes")):
        _in_training_files(custom(), weaver_args("--data-train", f"{tmp_path}/*.root"))


# --- labels of a file ---


def test_labels_are_read_without_the_particles(tmp_path):
    assert read_labels(write(tmp_path, **flags_of([0, 2, 1, 1])), simple()).tolist() == [0, 2, 1, 1]


def test_jets_of_no_class_and_of_several_are_told_apart(tmp_path):
    columns = flags_of([0, 9, 1])
    columns["label_c"][2] = 1
    assert read_labels(write(tmp_path, **columns), simple()).tolist() == [0, -1, -2]


@pytest.mark.parametrize("columns", [{"jet_pt": [1.0]}, {name: [] for name in FLAGS}], ids=["no labels", "no jets"])
def test_a_file_without_labels_or_jets_has_none(tmp_path, columns):
    columns = {name: np.array(column, "float32") for name, column in columns.items()}
    assert read_labels(write(tmp_path, "jets.parquet", **columns), simple()) is None


def test_the_labels_of_the_toy_jets_are_their_classes(toy_files):
    assert read_labels(str(toy_files / "train/HToBB_000.root"), jetclass_config("full")).tolist() == [1] * 30


# --- training and validation in the same files ---


def split(*paths, fraction="0.8", **options):
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    return weaver_args("--data-train", *map(str, paths), "--train-val-split", fraction, *words)


SORTED, RNG = np.repeat([0, 1, 2], 100), np.random.default_rng(0)


@pytest.mark.parametrize("ending", ["root", "parquet", "h5"])
def test_a_file_sorted_by_class_is_refused_with_the_classes_that_validation_lacks(tmp_path, ending):
    path = write(tmp_path, f"jets.{ending}", **flags_of(SORTED))
    with pytest.raises(UserError, match=naming("20%", path, "class 0, 1", "shuffle", "--data-val")):
        check_split(split(path), simple())


def test_a_sorted_integer_label_is_refused(tmp_path):
    path = write(tmp_path, jet_flavour=SORTED)
    with pytest.raises(UserError, match=naming("class 0, 1")):
        check_split(split(path), custom())


@pytest.mark.parametrize("fraction", ["0.5", "0.8", "0.99"])
def test_a_shuffled_file_passes(tmp_path, fraction):
    shuffled = RNG.permutation(SORTED)
    write(tmp_path, "a.root", **flags_of(shuffled))
    check_split(split(f"{tmp_path}/*.root", fraction=fraction), simple())
    write(tmp_path, "b.root", jet_flavour=shuffled)
    check_split(split(tmp_path / "b.root", fraction=fraction), custom())


def test_a_file_for_each_class_passes(tmp_path, toy_files):
    for number in range(3):
        write(tmp_path, f"{number}.root", **flags_of([number] * 100))
    check_split(split(f"{tmp_path}/*.root"), simple())
    check_split(split(f"{toy_files}/train/*.root"), jetclass_config("full"))


def test_validation_files_of_their_own_make_the_order_no_matter(tmp_path):
    path = write(tmp_path, **flags_of(SORTED))
    check_split(split(path, data_val=path), simple())


@pytest.mark.parametrize(
    "columns", [{"jet_pt": np.ones(300)}, flags_of([9] * 300), {"jet_flavour": np.linspace(0, 1, 300)}],
    ids=["no labels", "no class", "a measure"],
)  # fmt: skip
def test_jets_without_classes_have_no_order_to_look_at(tmp_path, columns):
    path = write(tmp_path, **columns)
    check_split(split(path), custom() if "jet_flavour" in columns else simple())


def test_classes_are_missing_where_their_absence_is_no_chance():
    train = np.repeat([0, 1, 2, -1], [500, 480, 20, 100])
    assert missing_classes(train, np.zeros(100, int)).tolist() == [1]
    assert missing_classes(train, np.repeat([0, 1], 50)).tolist() == []  # two of class 2 are expected
    assert missing_classes(train, np.repeat([0, 1], 500)).tolist() == [2]
    assert missing_classes(train, np.full(100, -1)).tolist() == [0, 1]
    assert missing_classes(train, np.repeat([0, 1, 5], 10)).tolist() == []


@pytest.mark.parametrize(("train", "validation"), [([], []), ([], [0] * 50), ([0, 1] * 50, []), ([-1] * 50, [-1] * 50)])
def test_nothing_is_missing_where_there_is_nothing(train, validation):
    assert missing_classes(np.array(train, int), np.array(validation, int)).tolist() == []
