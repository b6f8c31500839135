import awkward as ak
import numpy as np
import pytest
import uproot

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets import pieces, root_files
from hepjepa_weaver.datasets.root_files import (
    copy_jets,
    count_jets,
    counter_branches,
    flat_columns,
    read_all,
    read_jets,
    tree_name,
    write_jets,
)
from tests.helpers.messages import naming
from tests.helpers.numbered_jets import SIZES, write_jet_file


def test_counts_jets(jet_directory):
    assert {path.stem: count_jets(path) for path in jet_directory.iterdir()} == SIZES


def test_unreadable_file(tmp_path):
    (tmp_path / "broken_000.root").write_bytes(b"no root file")
    with uproot.recreate(tmp_path / "other_000.root") as file:
        file["histogram"] = np.histogram([1.0, 2.0])
    for name, words in {"broken_000.root": ("ROOT", "TTree"), "other_000.root": ("0 trees",)}.items():
        with pytest.raises(UserError, match=naming(name, *words)):
            count_jets(tmp_path / name)


def test_the_tree_of_jets_is_found_whatever_its_name(tmp_path):
    jets = {"part_px": ak.Array([[1.0, 2.0], [3.0]]), "jet_pt": np.ones(2)}
    for name in ("Events", "deepntuplizer/tree"):
        path = tmp_path / f"{name.partition('/')[0]}_000.root"
        with uproot.recreate(path) as file:
            file.mktree("Runs", {"run": "int32"}).extend({"run": [1]})
            file.mktree(name, {column: ak.Array(values).type for column, values in jets.items()}).extend(jets)
        assert (count_jets(path), tree_name(path)) == (2, name)
        copy_jets({path: np.array([1])}, tmp_path / "copy.root")
        assert tree_name(tmp_path / "copy.root") == name
        assert next(read_all(tmp_path / "copy.root")).part_px.tolist() == [[3.0]]


def test_an_rntuple_is_read_and_copied_as_a_tree(tmp_path):
    path = tmp_path / "ntuple_000.root"
    with uproot.recreate(path) as file:
        file["tree"] = {"jet_pt": np.arange(3.0), "part_px": ak.Array([[1.0, 2.0], [], [3.0]])}
    with uproot.open(path) as file:
        assert file.classnames() == {"tree;1": "ROOT::RNTuple"}
    assert (count_jets(path), tree_name(path)) == (3, "tree")
    assert [chunk["jet_pt"].tolist() for chunk in flat_columns(path, ["jet_pt"])] == [[0.0, 1.0, 2.0]]
    copy_jets({path: np.array([0, 2])}, tmp_path / "copy.root")
    with uproot.open(tmp_path / "copy.root") as file:
        assert file.classnames() == {"tree;1": "TTree"}
        assert file["tree"]["part_px"].array().tolist() == [[1.0, 2.0], [3.0]]


def test_two_trees_of_jets_are_named(tmp_path):
    with uproot.recreate(tmp_path / "two_000.root") as file:
        for name in ("ak4", "ak8"):
            file.mktree(name, {"part_px": "var * float32"})
    with pytest.raises(UserError, match=naming("two_000.root", "2 trees", "ak4", "ak8")):
        count_jets(tmp_path / "two_000.root")


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_reads_the_chosen_entries_whatever_the_chunk(jet_directory, monkeypatch, chunk):
    monkeypatch.setattr(root_files, "CHUNK", chunk)
    entries = np.array([0, 6, 7, 8, 29, 39])
    jets = ak.concatenate(list(read_jets(jet_directory / "HToBB_000.root", entries)))
    with uproot.open(jet_directory / "HToBB_000.root") as file:
        whole = file["tree"].arrays()[entries]
    assert set(jets.fields) == set(whole.fields) - {"npart"}
    assert jets.tolist() == ak.without_field(whole, "npart").tolist()


def test_written_files_have_the_same_schema(jet_directory, tmp_path):
    source, target = jet_directory / "HToBB_001.root", tmp_path / "copy.root"
    write_jets(read_jets(source, np.arange(30)), target, counter_branches(source))
    with uproot.open(source) as before, uproot.open(target) as after:
        assert after["tree"].classname == "TTree"
        assert after["tree"].typenames() == before["tree"].typenames()
        assert after["tree"].arrays().tolist() == before["tree"].arrays().tolist()


def test_ragged_branches_without_a_counter_name_get_their_own(tmp_path):
    write_jets([ak.Array({"part_px": [[1.0], [2.0, 3.0]]})], tmp_path / "jets.root", {})
    with uproot.open(tmp_path / "jets.root") as file:
        assert file["tree"].keys() == ["npart_px", "part_px"]


def test_files_with_other_branches_are_not_joined(tmp_path):
    write_jet_file(tmp_path / "a_000.root", 5)
    write_jet_file(tmp_path / "a_001.root", 5, extra=np.zeros(5))
    write_jet_file(tmp_path / "a_002.root", 5, jet_pt=np.zeros(5))
    for other in ("a_001", "a_002"):
        parts = {tmp_path / "a_000.root": np.arange(5), tmp_path / f"{other}.root": np.arange(3)}
        with pytest.raises(UserError, match=naming(f"{other}.root", "a_000.root", "branches")):
            copy_jets(parts, tmp_path / "copy.root")
    assert not (tmp_path / "copy.root").exists()


def test_copies_are_written_piece_by_piece(jet_directory, tmp_path, monkeypatch):
    """However small the pieces, the copy is the same."""
    parts = {jet_directory / f"HToBB_{number}.root": np.array([0, 3, 24]) for number in ("000", "010")}
    contents = []
    for size in (1, 2, 10_000):
        monkeypatch.setattr(root_files, "CHUNK", size)
        monkeypatch.setattr(pieces, "JETS_PER_PIECE", size)
        copy_jets(parts, tmp_path / "copy.root")
        with uproot.open(tmp_path / "copy.root") as file:
            contents.append(file["tree"].arrays().tolist())
    assert contents[0] == contents[1] == contents[2]
    assert len(contents[0]) == 6


def test_flat_columns(jet_directory, monkeypatch):
    monkeypatch.setattr(root_files, "CHUNK", 7)
    chunks = list(flat_columns(jet_directory / "HToBB_000.root", ["jet_pt", "jet_number"]))
    assert [len(chunk["jet_pt"]) for chunk in chunks] == [7] * 5 + [5]
    assert np.concatenate([chunk["jet_number"] for chunk in chunks]).tolist() == list(range(40))
    with pytest.raises(KeyError, match="nothing"):
        list(flat_columns(jet_directory / "HToBB_000.root", ["nothing"]))
