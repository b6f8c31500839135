import json
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import tables
from weaver.utils.data.fileio import _read_files

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets import hdf5_files
from hepjepa_weaver.datasets.fewshot import HeldOut, make_fewshot
from hepjepa_weaver.datasets.hdf5_files import copy_jets, count_jets, file_identity, flat_columns, read_all, write_like
from hepjepa_weaver.datasets.pool import read_pool
from tests.helpers.messages import naming
from tests.helpers.numbered_jets import SIZES
from tests.helpers.published_files import write_top_file

SLOTS = 5


def numbered(n_jets: int, first: int = 0, slots: int = SLOTS) -> dict[str, np.ndarray]:
    """Jets numbered from `first`; jet k has k % 4 particles of px k + 1, k + 2, … GeV, and zeros behind them."""
    number = np.arange(first, first + n_jets)
    place = np.arange(slots)
    is_real = place < number[:, None] % 4
    px = np.where(is_real, number[:, None] + place + 1, 0)
    momentum = {f"jet_{name}": (number + 500 + i).astype("float32") for i, name in enumerate(("pt", "eta", "phi"))}
    return {
        "part_px": px.astype("float32"),
        "part_isMuon": is_real & (px % 2 == 0),
        **momentum,
        "jet_energy": number.astype("float32") + 900,
        "jet_number": number,
        "label": (number % 5 < 3).astype("float32"),
    }


def write(path: Path, columns: dict[str, np.ndarray]) -> Path:
    with tables.open_file(str(path), "w") as file:
        for name, column in columns.items():
            file.create_array("/", name, column)
    return path


def contents(path: Path) -> dict[str, np.ndarray]:
    with tables.open_file(str(path)) as file:
        return {node.name: node[:] for node in file.iter_nodes("/")}


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, column in expected.items():
        assert found[name].shape == column.shape, name
        assert np.array_equal(found[name], column), name


@pytest.fixture
def hdf5_directory(tmp_path: Path) -> Path:
    """The jets of `jet_directory` in HDF5 files: two classes, told apart by the names of four files."""
    folder = tmp_path / "hdf5"
    folder.mkdir()
    first = 0
    for stem, n_jets in SIZES.items():
        write(folder / f"{stem}.h5", numbered(n_jets, first))
        first += n_jets
    return folder


def test_counts_jets(hdf5_directory: Path):
    assert {path.stem: count_jets(path) for path in hdf5_directory.iterdir()} == SIZES


def test_files_that_are_no_hdf5_files_are_named(tmp_path: Path):
    (tmp_path / "broken.h5").write_bytes(b"no HDF5 file")
    for name in ("broken.h5", "gone.h5"):
        with pytest.raises(UserError, match=naming(name, "cannot be read as an HDF5 file")):
            count_jets(tmp_path / name)
        with pytest.raises(UserError, match=naming(name, "cannot be read as an HDF5 file")):
            next(read_all(tmp_path / name))


def test_arrays_of_different_lengths_are_named(tmp_path: Path):
    path = write(tmp_path / "jets.h5", {"part_px": np.ones((2, SLOTS)), "jet_pt": np.ones(3)})
    with pytest.raises(UserError, match=naming("jets.h5", "2 different lengths")):
        count_jets(path)
    with pytest.raises(UserError, match=naming("jets.h5", "2 different lengths")):
        next(read_all(path))
    with pytest.raises(UserError, match=naming("jets.h5", "2 different lengths")):
        next(flat_columns(path, ["jet_pt"]))


def test_a_table_of_pandas_is_named(tmp_path: Path):
    """Such as those of the Top Landscape, which `hepjepa get` converts."""
    write_top_file(tmp_path / "train.h5", 3)
    with pytest.raises(UserError, match=naming("train.h5", "no arrays at its top", "convert")):
        count_jets(tmp_path / "train.h5")


def test_a_damaged_file_is_named(tmp_path: Path):
    """Its beginning is whole, its compressed numbers are not."""
    path = tmp_path / "jets_000.h5"
    with tables.open_file(str(path), "w") as file:
        file.create_carray("/", "label", obj=np.arange(100_000) % 2, filters=tables.Filters(1, "zlib"))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    path.write_bytes(content)
    with pytest.raises(UserError, match=naming("jets_000.h5")):
        read_pool([path], "label")


def test_flat_columns(hdf5_directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hdf5_files, "CHUNK", 7)
    chunks = list(flat_columns(hdf5_directory / "HToBB_000.h5", ["jet_pt", "jet_number"]))
    assert [len(chunk["jet_pt"]) for chunk in chunks] == [7] * 5 + [5]
    assert [list(chunk) for chunk in chunks] == [["jet_pt", "jet_number"]] * 6
    assert np.concatenate([chunk["jet_number"] for chunk in chunks]).tolist() == list(range(40))
    assert np.concatenate([chunk["jet_pt"] for chunk in chunks]).tolist() == list(range(500, 540))
    with pytest.raises(KeyError, match="nothing"):
        list(flat_columns(hdf5_directory / "HToBB_000.h5", ["jet_pt", "nothing"]))


@pytest.mark.parametrize(("chunk", "lengths"), [(1, [1] * 30), (7, [7, 7, 7, 7, 2]), (10_000, [30])])
def test_reads_all_jets_whatever_the_chunk(hdf5_directory: Path, monkeypatch: pytest.MonkeyPatch, chunk, lengths):
    monkeypatch.setattr(hdf5_files, "CHUNK", chunk)
    pieces = list(read_all(hdf5_directory / "HToBB_001.h5"))
    assert [len(piece) for piece in pieces] == lengths
    jets, expected = ak.concatenate(pieces), numbered(30, first=40)
    assert set(jets.fields) == set(expected)
    for name, column in expected.items():
        assert jets[name].to_list() == column.tolist()


def test_fixed_arrays_are_read_as_ragged_ones_of_all_their_slots(hdf5_directory: Path):
    jets = next(read_all(hdf5_directory / "HToBB_000.h5"))
    assert {name: str(jets[name].type.content) for name in ("part_px", "part_isMuon", "jet_pt", "jet_number")} == {
        "part_px": "var * float32",
        "part_isMuon": "var * bool",
        "jet_pt": "float32",
        "jet_number": "int64",
    }
    assert jets["part_px"][:4].to_list() == [[0, 0, 0, 0, 0], [2, 0, 0, 0, 0], [3, 4, 0, 0, 0], [4, 5, 6, 0, 0]]


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_chosen_jets_of_two_files_are_copied_as_they_are(hdf5_directory: Path, tmp_path: Path, monkeypatch, chunk: int):
    monkeypatch.setattr(hdf5_files, "CHUNK", chunk)
    parts = {
        hdf5_directory / "HToBB_000.h5": np.array([0, 6, 7, 8, 39]),
        hdf5_directory / "HToBB_010.h5": np.array([3, 24]),
    }
    copy_jets(parts, tmp_path / "copy.h5")
    found, everything = contents(tmp_path / "copy.h5"), numbered(95)
    chosen = [0, 6, 7, 8, 39, 40 + 30 + 3, 40 + 30 + 24]
    assert_equal(found, {name: column[chosen] for name, column in everything.items()})
    assert count_jets(tmp_path / "copy.h5") == 7


def test_copies_keep_the_types_of_columns(hdf5_directory: Path, tmp_path: Path):
    copy_jets({hdf5_directory / "HToBB_000.h5": np.array([1, 2])}, tmp_path / "copy.h5")
    types = {name: str(column.dtype) for name, column in contents(tmp_path / "copy.h5").items()}
    assert types == {name: str(column.dtype) for name, column in numbered(1).items()}


def test_weaver_reads_copies(hdf5_directory: Path, tmp_path: Path):
    copy_jets({hdf5_directory / "HToBB_000.h5": np.array([3, 5])}, tmp_path / "copy.h5")
    jets = _read_files([str(tmp_path / "copy.h5")], ["part_px", "jet_number"])
    assert jets["jet_number"].to_list() == [3, 5]
    assert jets["part_px"].to_list() == [[4, 5, 6, 0, 0], [6, 0, 0, 0, 0]]


@pytest.mark.parametrize("slots", [4, 9])
def test_particles_take_as_many_slots_as_in_the_source(tmp_path: Path, slots: int):
    source = write(tmp_path / "source.h5", numbered(4, slots=slots))
    pieces = [ak.Array({"part_px": [[1.0], [2.0, 3.0]], "n": [1, 2]}), ak.Array({"part_px": [[]], "n": [3]})]
    write_like(source, pieces, tmp_path / "target.h5")
    rest = [0] * (slots - 2)
    assert_equal(
        contents(tmp_path / "target.h5"),
        {"part_px": np.array([[1, 0, *rest], [2, 3, *rest], [0, 0, *rest]]), "n": np.array([1, 2, 3])},
    )


def test_a_source_without_particles_leaves_the_slots_to_the_longest_jet(tmp_path: Path):
    source = write(tmp_path / "source.h5", {"jet_pt": np.ones(2)})
    write_like(source, [ak.Array({"part_px": [[1.0], [2.0, 3.0], []]})], tmp_path / "target.h5")
    assert contents(tmp_path / "target.h5")["part_px"].tolist() == [[1, 0], [2, 3], [0, 0]]


def test_all_particles_find_a_slot(tmp_path: Path):
    few, many = (write(tmp_path / f"{slots}.h5", numbered(4, slots=slots)) for slots in (2, 3))
    copy_jets({few: np.arange(3), many: np.arange(4)}, tmp_path / "copy.h5")
    (copied,) = read_all(tmp_path / "copy.h5")
    ragged = [name for name in copied.fields if copied[name].ndim == 2]
    assert ragged
    for name in ragged:
        assert copied[name][3:].tolist() == next(read_all(many))[name].tolist()


def test_files_with_other_columns_are_not_joined(tmp_path: Path):
    first = write(tmp_path / "a_000.h5", numbered(4))
    second = write(tmp_path / "a_001.h5", {"extra": np.zeros(4), **numbered(4)})
    for parts in ({first: np.arange(4), second: np.arange(2)}, {second: np.arange(4), first: np.arange(2)}):
        with pytest.raises(UserError, match=naming("copy.h5", "columns")):
            copy_jets(parts, tmp_path / "copy.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_000.h5", "a_001.h5"]


def test_no_jets_make_no_file(tmp_path: Path):
    source = write(tmp_path / "source.h5", numbered(4))
    with pytest.raises(UserError, match=naming("target.h5", "no jets")):
        write_like(source, [], tmp_path / "target.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["source.h5"]


def test_a_file_written_anew_has_another_identity(tmp_path: Path):
    identities = []
    for first in (0, 1):
        path = write(tmp_path / "jets.h5", numbered(4, first))
        identities.append(file_identity(path))
        assert file_identity(path) == identities[-1]
    assert identities[0] != identities[1]


def test_subsets_are_drawn_from_a_folder_of_classes(hdf5_directory: Path, tmp_path: Path):
    pool = read_pool([hdf5_directory])
    assert {jets.name: jets.total() for jets in pool.classes} == {"HToBB": 95, "ZJetsToNuNu": 60}
    assert make_fewshot(pool, tmp_path / "out", 20, seed=0, held_out=HeldOut(test=10))
    assert not make_fewshot(pool, tmp_path / "out", 20, seed=0, held_out=HeldOut(test=10))
    chosen = json.loads((tmp_path / "out" / "manifest.json").read_text())["chosen_entries"]
    first = dict(zip(SIZES, np.cumsum([0, *SIZES.values()]).tolist(), strict=False))
    everything = numbered(155)
    for name in ("HToBB", "ZJetsToNuNu"):
        drawn = []
        for file in (f"{name}_000.h5", f"test/{name}_000.h5"):
            places = chosen[file].items()
            numbers = [first[source.removesuffix(".h5")] + entry for source, entries in places for entry in entries]
            columns = {column: values[numbers] for column, values in everything.items()}
            assert_equal(contents(tmp_path / "out" / file), columns)
            drawn += numbers
        assert len(set(drawn)) == 20 + 10


def test_subsets_are_drawn_by_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hdf5_files, "CHUNK", 7)
    source = write(tmp_path / "train_file.h5", numbered(100))
    make_fewshot(read_pool([source], "label"), tmp_path / "out", 20, seed=1, held_out=HeldOut(test=20))
    for value in (0, 1):
        paths = [tmp_path / "out" / folder / f"label_{value}_000.h5" for folder in (".", "test")]
        number = np.concatenate([contents(path)["jet_number"] for path in paths])
        assert len(set(number.tolist())) == 40
        assert set((number % 5 < 3).tolist()) == {value == 1}


def test_jets_that_are_also_among_the_test_jets_are_refused(tmp_path: Path):
    pool = read_pool([write(tmp_path / "train_file.h5", numbered(100))], "label")
    other = write(tmp_path / "other_file.h5", numbered(10, first=100))
    common = write(tmp_path / "test_file.h5", numbered(10, first=95))
    assert make_fewshot(pool, tmp_path / "fine", 40, seed=0, apart_from=[other])
    with pytest.raises(UserError, match=naming("test_file.h5", "--allow-common")):
        make_fewshot(pool, tmp_path / "out", 40, seed=0, apart_from=[common])


def test_what_is_no_label_is_named(tmp_path: Path):
    path = write(tmp_path / "train_file.h5", numbered(10))
    for column in ("truth", "part_px"):
        with pytest.raises(UserError, match=naming("train_file.h5", column, "--label")):
            read_pool([path], column)
