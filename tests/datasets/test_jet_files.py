import awkward as ak
import numpy as np
import pytest
import uproot

from hepjepa_weaver.datasets import jet_files
from hepjepa_weaver.datasets.jet_files import (
    branch_types,
    class_files,
    count_jets,
    counter_branches,
    join_jets,
    read_jets,
    write_jets,
)
from hepjepa_weaver.errors import UserError

from .conftest import SIZES, write_jet_file


def test_classes_are_file_stems_in_natural_order(jet_directory):
    (jet_directory / "HToBB_2.root").touch()
    (jet_directory / "notes.txt").touch()
    (jet_directory / "single.root").touch()
    names = {stem: [path.name for path in paths] for stem, paths in class_files(jet_directory).items()}
    assert names == {
        "HToBB": ["HToBB_000.root", "HToBB_001.root", "HToBB_2.root", "HToBB_010.root"],
        "ZJetsToNuNu": ["ZJetsToNuNu_000.root"],
        "single": ["single.root"],
    }


def test_directory_without_root_files(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match=r"holds no \.root files"):
            class_files(folder)


def test_counts_jets(jet_directory):
    assert {path.stem: count_jets(path) for path in jet_directory.iterdir()} == SIZES


def test_unreadable_file(tmp_path):
    (tmp_path / "broken_000.root").write_bytes(b"no root file")
    with uproot.recreate(tmp_path / "other_000.root") as file:
        file.mktree("Events", {"jet_pt": "float32"})
    for name in ("broken_000.root", "other_000.root"):
        with pytest.raises(UserError, match=f"{name} cannot be read as a ROOT file with a TTree 'tree'"):
            count_jets(tmp_path / name)


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_reads_the_chosen_entries_whatever_the_chunk(jet_directory, monkeypatch, chunk):
    monkeypatch.setattr(jet_files, "CHUNK", chunk)
    entries = np.array([0, 6, 7, 8, 29, 39])
    jets = read_jets(jet_directory / "HToBB_000.root", entries)
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
    write_jets(ak.Array({"part_px": [[1.0], [2.0, 3.0]]}), tmp_path / "jets.root", {})
    with uproot.open(tmp_path / "jets.root") as file:
        assert file["tree"].keys() == ["npart_px", "part_px"]


def test_files_with_other_branches_are_not_joined(tmp_path):
    write_jet_file(tmp_path / "a_000.root", 5)
    write_jet_file(tmp_path / "a_001.root", 5, extra=np.zeros(5))
    write_jet_file(tmp_path / "a_002.root", 5, jet_pt=np.zeros(5))
    jets = {tmp_path / f"a_00{i}.root": read_jets(tmp_path / f"a_00{i}.root", np.arange(5)) for i in range(3)}
    first, more, other_type = jets.items()
    assert join_jets(dict([first])).tolist() == first[1].tolist()
    assert branch_types(other_type[1])["jet_pt"] == "float64"
    for differing in (more, other_type):
        with pytest.raises(UserError, match=r"a_00[12]\.root and .*a_000\.root differ in their branches"):
            join_jets(dict([first, differing]))
