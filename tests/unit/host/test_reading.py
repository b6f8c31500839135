"""Files as weaver's own dataset and loader read them, with `host.reading` in place."""

from pathlib import Path
from types import SimpleNamespace

import awkward as ak
import numpy as np
import pytest
import tables
import torch
import uproot
import yaml
from torch.utils.data import DataLoader
from weaver.utils.dataset import SimpleIterDataset

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.notes import NOTES
from hepjepa_weaver.host.reading import ADDED, FILES, NUM_CLASSES, NUMBERS, UNLABELLED
from hepjepa_weaver.host.unreadable import report_jets_without_class
from hepjepa_weaver.host.weaver_patches import prepare_weaver
from hepjepa_weaver.weaver_api.loaders import add_observers, set_sampler_option
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names, naming
from tests.helpers.toy_jets import LABELS, toy_table

CONFIG = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"
ENDINGS = (".root", ".parquet", ".h5")
SLOTS = 64
NAMES = [f"label_{name}" for name in LABELS]


@pytest.fixture(autouse=True)
def _prepared():
    prepare_weaver()


def columns(num_jets=30, label="QCD", seed=0, **changes):
    """Toy jets whose pT, among the observers, is their number; a change to None leaves out a column."""
    table = {**toy_table(num_jets, label, seed), "jet_pt": 500.0 + np.arange(num_jets), **changes}
    return {name: _single(ak.Array(column)) for name, column in table.items() if column is not None}


def _single(column):
    return ak.values_astype(column, "float32") if "float" in str(column.type) else column


def fixed(table):
    """Particles in arrays of a fixed size, filled up with zeros."""
    return {
        name: np.asarray(ak.fill_none(ak.pad_none(column, SLOTS, clip=True), 0)) if column.ndim == 2 else column
        for name, column in table.items()
    }


def write(table, path):
    table = {name: ak.Array(column) for name, column in table.items()}
    if path.suffix == ".root":
        with uproot.recreate(path) as file:
            file.mktree("tree", {name: column.type for name, column in table.items()})
            file["tree"].extend(table)
    elif path.suffix == ".parquet":
        ak.to_parquet(ak.zip(table, depth_limit=1), path)
    else:
        with tables.open_file(str(path), "w") as file:
            for name, column in table.items():
                file.create_array("/", name, np.asarray(column))
    return str(path)


def config(folder, **changes):
    path = Path(folder, "changed.yaml")
    path.write_text(yaml.safe_dump(yaml.safe_load(CONFIG.read_text()) | changes, sort_keys=False))
    return path


def dataset(paths, data_config=CONFIG, for_training=False, options=(), **kwargs):
    """Weaver's dataset of these files; `options` are those of its sampler."""
    name = "train" if for_training else "test"
    kwargs = {"fetch_step": 1, "name": name, **kwargs}
    found = SimpleIterDataset({"_": list(paths)}, str(data_config), for_training=for_training, **kwargs)
    for option, value in dict(options).items():
        set_sampler_option(SimpleNamespace(dataset=found), option, value)
    return found


def numbers(samples):
    """The jets' pT of a test, which are their numbers."""
    return [round(float(observers["jet_pt"])) - 500 for _, _, observers in samples]


def labels(samples):
    return [int(label["_label_"]) for _, label, _ in samples]


def energies(samples):
    """What tells jets apart in a training: their leading particles' energies."""
    return sorted(float(inputs["pf_vectors"][3, 0]) for inputs, _, _ in samples)


# --- selection and parts of files ---


@pytest.mark.parametrize("for_training", [False, True])
def test_a_file_of_which_nothing_passes_the_selection_gives_no_jets_and_no_error(tmp_path, for_training):
    paths = [write(columns(6, label), tmp_path / f"{label}.root") for label in ("Hbb", "QCD", "Tbl")]
    selecting = config(tmp_path, selection="label_QCD == 1")
    samples = list(dataset(paths, selecting, for_training, fetch_by_files=True))
    assert labels(samples) == [0] * 6
    assert energies(samples) == energies(dataset(paths[1:2]))


@pytest.mark.parametrize("for_training", [False, True])
def test_a_part_of_a_file_of_which_nothing_passes_the_selection_gives_no_jets_and_no_error(tmp_path, for_training):
    path = write(columns(40), tmp_path / "jets.root")
    selecting = config(tmp_path, selection="(jet_pt >= 511) & (jet_pt < 514)")
    samples = list(dataset([path], selecting, for_training, fetch_step=0.1))
    assert energies(samples) == energies([*dataset([path])][11:14])


@pytest.mark.parametrize("for_training", [False, True])
def test_a_selection_that_nothing_passes_gives_no_jets_and_no_error(tmp_path, for_training):
    path = write(columns(), tmp_path / "jets.root")
    assert list(dataset([path], config(tmp_path, selection="jet_pt < 0"), for_training)) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("step", [0.013, 0.33])
def test_parts_of_a_file_give_every_jet_once_and_in_order(tmp_path, ending, step):
    table = columns()
    path = write(fixed(table) if ending == ".h5" else table, tmp_path / f"jets{ending}")
    assert numbers(dataset([path], fetch_step=step)) == list(range(30))


def test_parts_of_files_give_every_jet_once_in_a_training(tmp_path):
    paths = [write(columns(count, label), tmp_path / f"{label}.root") for count, label in ((30, "QCD"), (7, "Hbb"))]
    samples = list(dataset(paths, for_training=True, fetch_step=0.03))
    assert energies(samples) == energies(dataset(paths))
    assert sorted(labels(samples)) == [0] * 30 + [1] * 7


def test_splits_of_the_files_give_every_jet_once(tmp_path):
    path = write(columns(), tmp_path / "jets.root")
    found = dataset([path], fetch_step=0.3, load_range_and_fraction=((0, 1), 1, 4))
    assert numbers(found) == list(range(30))


def test_training_and_validation_parts_of_a_file_share_no_jet_and_leave_none_out(tmp_path):
    path = write(columns(), tmp_path / "jets.root")
    parts = [dataset([path], load_range_and_fraction=(ends, 1, 1), fetch_step=0.07) for ends in ((0, 0.83), (0.83, 1))]
    first, second = map(numbers, parts)
    assert first + second == list(range(30))
    assert len(first) == 24


def test_a_jet_without_particles_is_read_as_padding_alone(tmp_path):
    table = columns(3)
    names = [name for name, column in table.items() if column.ndim == 2]
    table |= {name: table[name][[0, 1, 2]][ak.Array([[], [0], [0, 1]])] for name in names}
    samples = list(dataset([write(table, tmp_path / "jets.root")]))
    assert numbers(samples) == [0, 1, 2]
    assert [int(inputs["pf_mask"].sum()) for inputs, _, _ in samples] == [0, 1, 2]
    assert all((values == 0).all() for values in samples[0][0].values())


# --- labels ---


def without_labels(way, num_jets=30):
    """Jets in files with labels that are all 0, or without such columns."""
    return columns(num_jets, **dict.fromkeys(NAMES, np.zeros(num_jets) if way == "zeros" else None))


@pytest.mark.parametrize("way", ["zeros", "no columns"])
def test_jets_without_a_class_have_the_label_minus_one_in_a_test(tmp_path, way):
    paths = [write(table, tmp_path / f"{place}.root") for place, table in
             enumerate((columns(5, "Hbb"), without_labels(way, 7)))]  # fmt: skip
    samples = list(dataset(paths))
    assert labels(samples) == [1] * 5 + [-1] * 7
    assert numbers(samples) == [*range(5), *range(7)]


def test_jets_without_columns_of_labels_are_an_error_in_a_training(tmp_path):
    path = write(without_labels("no columns"), tmp_path / "jets.root")
    with pytest.raises(UserError, match="label_QCD"):
        list(dataset([path], for_training=True))


def test_a_file_without_a_class_is_left_out_and_no_other(tmp_path):
    paths = [write(without_labels("zeros"), tmp_path / "a.root"), write(columns(5), tmp_path / "b.root")]
    assert len(list(dataset(paths, for_training=True, fetch_by_files=True))) == 5
    list(NOTES.take("no_class", use=["train"]))


def test_jets_without_a_class_are_left_out_of_a_training_and_counted(tmp_path, caplog):
    flags = np.arange(30) >= 3
    path = write(columns(label_QCD=flags.astype("float32")), tmp_path / "jets.root")
    kept = write({name: values[3:] for name, values in columns().items()}, tmp_path / "kept.root")
    assert energies(dataset([path], for_training=True)) == energies(dataset([kept], for_training=True))
    assert labels(dataset([path], for_training=True)) == [0] * 27
    report_jets_without_class("train")
    message = caplog.records[-1].getMessage()
    assert names(message, "Training", 6, 60), "of two readings"
    report_jets_without_class("train")
    assert caplog.records[-1].getMessage() == message, "once"


@pytest.mark.parametrize("way", ["zeros", "no columns"])
def test_jets_without_a_class_pass_where_no_label_is_needed(tmp_path, way):
    paths = [write(table, tmp_path / f"{place}.root") for place, table in
             enumerate((columns(5, "Hbb"), without_labels(way, 7)))]  # fmt: skip
    samples = list(dataset(paths, for_training=True, options={UNLABELLED: True}))
    assert sorted(labels(samples)) == [-1] * 7 + [1] * 5
    assert energies(samples) == energies(dataset(paths))


@pytest.mark.parametrize("options", [{}, {UNLABELLED: True}])
def test_jets_of_two_classes_are_an_error_in_a_training(tmp_path, options):
    path = write(columns(label_Tbl=(np.arange(30) < 4).astype("float32")), tmp_path / "jets.root")
    with pytest.raises(UserError, match=naming("4 of 30 jets", "label_QCD", "label_Tbl")):
        list(dataset([path], for_training=True, options=options))


def integer_labels(folder):
    return config(folder, labels={"type": "custom", "value": {"flavour": "jet_flavour"}})


def test_an_integer_label_is_missing_where_none_is_needed(tmp_path):
    flavour = np.arange(4) % 3
    paths = [write(table, tmp_path / f"{place}.root") for place, table in
             enumerate((columns(4, jet_flavour=flavour), columns(2)))]  # fmt: skip
    data_config = integer_labels(tmp_path)
    for found in (dataset(paths, data_config), dataset(paths, data_config, True, {UNLABELLED: True})):
        assert sorted(int(label["flavour"]) for _, label, _ in found) == [-1, -1, 0, 0, 1, 2]


@pytest.mark.parametrize(("number", "named"), [(2, ("2", "-o num_classes 3")), (1, ("2", "-o num_classes 3"))])
def test_an_integer_label_that_is_too_large_for_the_network_is_an_error(tmp_path, number, named):
    path = write(columns(4, jet_flavour=np.arange(4) % 3), tmp_path / "jets.root")
    data_config = integer_labels(tmp_path)
    assert len(list(dataset([path], data_config, True, {NUM_CLASSES: 3}))) == 4
    with pytest.raises(UserError, match=naming("flavour", *named)):
        list(dataset([path], data_config, True, {NUM_CLASSES: number}))


@pytest.mark.parametrize("none", [-1, np.nan])
def test_jets_without_a_class_among_integers_are_left_out_of_training_alone(tmp_path, none):
    path = write(columns(4, jet_flavour=np.array([0, 1, none, 2])), tmp_path / "jets.root")
    given = [
        float(label["flavour"]) for _, label, _ in dataset([path], integer_labels(tmp_path), True, {NUM_CLASSES: 3})
    ]
    assert sorted(given) == [0, 1, 2]
    assert len(list(dataset([path], integer_labels(tmp_path)))) == 4


def test_unknown_numbers_are_nan_whatever_their_type(tmp_path):
    """Null in a column of whole numbers, or a column that a file lacks."""
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    ak.to_parquet(ak.zip({**columns(3), "jet_flavour": ak.Array([4, None, 6])}, depth_limit=1), paths[0])
    ak.to_parquet(ak.zip(columns(2), depth_limit=1), paths[1])
    for several, wanted in ((paths, [4, np.nan, 6, np.nan, np.nan]), (paths[1:], [np.nan, np.nan])):
        jets = dataset(map(str, several), integer_labels(tmp_path), options={NUMBERS: ("flavour",)})
        np.testing.assert_array_equal([float(label["flavour"]) for _, label, _ in jets], wanted)


@pytest.mark.parametrize("bad", [-2, 0.5])
def test_an_integer_label_that_is_no_class_is_an_error(tmp_path, bad):
    path = write(columns(4, jet_flavour=np.array([0, 1, bad, 2])), tmp_path / "jets.root")
    with pytest.raises(UserError, match=naming("flavour", f"{bad:g}")):
        list(dataset([path], integer_labels(tmp_path), True, {NUM_CLASSES: 3}))


def test_labels_by_the_names_of_files_are_those_of_the_data_config(tmp_path):
    paths = [write(columns(2, label, jet_phi=np.zeros(2)), tmp_path / f"{label}.root") for label in ("Hbb", "QCD")]
    magic = {f"is_{name}": {rf"/{name}\.root$": 1} for name in ("QCD", "Hbb")}
    by_name = config(tmp_path, file_magic=magic, labels={"type": "simple", "value": list(magic)})
    for for_training in (False, True):
        samples = list(dataset(paths, by_name, for_training, fetch_by_files=True))
        assert sorted(labels(samples)) == [0, 0, 1, 1]
    assert labels(dataset(paths, by_name)) == [1, 1, 0, 0]


# --- expressions ---


@pytest.mark.parametrize("for_training", [False, True])
@pytest.mark.parametrize(
    ("expression", "named"),
    [("part_energy + part_colour", "part_colour"), ("part_energy.nothing", "nothing"), ("part_px / len(3)", "len")],
)
def test_an_expression_that_fails_is_named(tmp_path, expression, named, for_training):
    options = yaml.safe_load(CONFIG.read_text())
    changed = config(tmp_path, new_variables={**options["new_variables"], "part_e_log": expression})
    path = write(columns(), tmp_path / "jets.root")
    with pytest.raises(UserError, match=naming(repr(expression), "data config", named)):
        list(dataset([path], changed, for_training))


def test_a_selection_that_fails_is_named(tmp_path):
    path = write(columns(), tmp_path / "jets.root")
    with pytest.raises(UserError, match=naming("'jet_mass > 3'")):
        list(dataset([path], config(tmp_path, selection="jet_mass > 3")))


# --- fixed arrays ---


@pytest.mark.parametrize("num_jets", [30, SLOTS])
@pytest.mark.parametrize("ending", ENDINGS)
def test_fixed_arrays_give_the_inputs_that_the_same_jets_in_ragged_ones_give(tmp_path, ending, num_jets):
    table = columns(num_jets)
    ragged = list(dataset([write(table, tmp_path / "ragged.root")]))
    others = list(dataset([write(fixed(table), tmp_path / f"fixed{ending}")], fetch_step=0.3))
    assert numbers(others) == list(range(num_jets))
    for (inputs, label, observers), (other, other_label, other_observers) in zip(ragged, others, strict=True):
        assert inputs.keys() == other.keys() == {"pf_points", "pf_features", "pf_vectors", "pf_mask"}
        assert all(np.array_equal(inputs[name], other[name]) for name in ("pf_points", "pf_vectors", "pf_mask"))
        assert np.allclose(inputs["pf_features"], other["pf_features"], rtol=0, atol=1e-5)  # numpy rounds by place
        assert label == other_label
        assert observers == other_observers
    assert sum(int(inputs["pf_mask"].sum()) for inputs, _, _ in others) == len(ak.flatten(table["part_px"]))


def test_fixed_arrays_and_ragged_ones_can_be_read_together(tmp_path):
    table = columns(5)
    paths = [write(table, tmp_path / "a.root"), write(fixed(table), tmp_path / "b.h5"),
             write(fixed(table), tmp_path / "c.parquet")]  # fmt: skip
    samples = list(dataset(paths))
    assert numbers(samples) == [*range(5)] * 3
    for place in range(5):
        first, *others = (samples[5 * file + place][0] for file in range(3))
        assert all(np.allclose(first[name], other[name], rtol=0, atol=1e-5) for other in others for name in first)


# --- file and entry ---


def loader_of(paths, data_config=CONFIG, num_workers=0, **kwargs):
    """Weaver's loader of a test, as it is before its first batch."""
    loader = DataLoader(dataset(paths, data_config, **kwargs), batch_size=8, num_workers=num_workers)
    set_sampler_option(loader, FILES, list(paths))
    add_observers(loader, ADDED)
    return loader


def jets_by_file(folder):
    """Three files of 20, 3 and 11 jets; the jets' pT is 500 and their entry, their |η| the number of the file."""
    counts = (20, 3, 11)
    return [write(columns(count, seed=number, jet_eta=np.full(count, float(number))), folder / f"{number}.root")
            for number, count in enumerate(counts)]  # fmt: skip


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("kwargs", [{"fetch_by_files": True}, {"fetch_step": 0.15}])
def test_jets_are_numbered_by_file_and_entry(tmp_path, num_workers, kwargs):
    found = []
    for _, _, observers in loader_of(jets_by_file(tmp_path), num_workers=num_workers, **kwargs):
        assert torch.equal(observers["file"].float(), observers["jet_eta"])
        assert torch.equal(observers["entry"].float(), observers["jet_pt"] - 500)
        found += zip(observers["file"].tolist(), observers["entry"].tolist(), strict=True)
    assert sorted(found) == [(number, entry) for number, count in enumerate((20, 3, 11)) for entry in range(count)]


def test_a_selection_does_not_change_the_number_of_an_entry(tmp_path):
    selecting = config(tmp_path, selection="jet_pt % 2 == 1")
    batches = [observers for _, _, observers in loader_of(jets_by_file(tmp_path), selecting, fetch_by_files=True)]
    found = [(int(f), int(e)) for batch in batches for f, e in zip(batch["file"], batch["entry"], strict=True)]
    assert found == [(0, e) for e in range(1, 20, 2)] + [(1, 1)] + [(2, e) for e in range(1, 11, 2)]


def test_the_observers_of_the_data_config_stay(tmp_path):
    names = yaml.safe_load(CONFIG.read_text())["observers"]
    _, _, observers = next(iter(loader_of(jets_by_file(tmp_path))))
    assert list(observers) == [*names, "file", "entry"]
