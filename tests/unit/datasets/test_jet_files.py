from pathlib import Path

import awkward as ak
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import kind_of, list_files, natural_key
from hepjepa_weaver.datasets.pool import read_pool
from tests.helpers.messages import naming


def test_files_in_natural_order(jet_directory: Path):
    for name in ("HToBB_2.root", "single.root", "notes.txt"):
        (jet_directory / name).touch()
    names = ["HToBB_000", "HToBB_001", "HToBB_2", "HToBB_010", "ZJetsToNuNu_000", "single"]
    assert [path.stem for path in list_files([jet_directory])] == names


def test_classes_are_file_stems(jet_directory: Path):
    sizes = {jets.name: list(jets.sizes()) for jets in read_pool([jet_directory]).classes}
    assert sizes == {
        "HToBB": ["HToBB_000.root", "HToBB_001.root", "HToBB_010.root"],
        "ZJetsToNuNu": ["ZJetsToNuNu_000.root"],
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [("HToBB_012.root", ("HToBB", 12)), ("a_b_3.parquet", ("a_b", 3)), ("train_file.parquet", ("train_file", 0))],
)
def test_stem_and_number(name: str, key: tuple[str, int]):
    assert natural_key(Path(name)) == key


def test_sources_without_jets_are_named(tmp_path: Path):
    (tmp_path / "notes.txt").touch()
    for source in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match=naming(".root", ".parquet")):
            list_files([source])
    with pytest.raises(UserError, match=naming("notes.txt", ".root", ".parquet")):
        list_files([tmp_path / "notes.txt"])


def test_files_of_one_name_are_refused(jet_directory: Path):
    (jet_directory / "more").mkdir()
    (jet_directory / "more" / "HToBB_000.root").touch()
    with pytest.raises(UserError, match=naming("HToBB_000.root")):
        list_files([jet_directory, jet_directory / "more"])


def test_both_kinds_at_once_are_refused(jet_directory: Path):
    ak.to_parquet(ak.Array({"jet_pt": [1.0]}), jet_directory / "jets.parquet")
    with pytest.raises(UserError, match=naming("ROOT", "parquet")):
        list_files([jet_directory])


def test_an_unreadable_parquet_file_is_named(tmp_path: Path):
    (tmp_path / "jets.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=naming("jets.parquet")):
        read_pool([tmp_path])


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_a_file_written_anew_has_another_identity(jet_directory: Path, tmp_path: Path, suffix: str):
    path = tmp_path / f"jets{suffix}"
    identities = []
    for value in (1.0, 2.0):
        if suffix == ".root":
            path.write_bytes((jet_directory / f"HToBB_00{value - 1:.0f}.root").read_bytes())
        else:
            ak.to_parquet(ak.Array({"jet_pt": [value]}), path)
        identities.append(kind_of(path).file_identity(path))
        assert kind_of(path).file_identity(path) == identities[-1]
    assert identities[0] != identities[1]


def test_a_damaged_parquet_file_is_named(tmp_path: Path):
    """Its end is whole, its pages are not."""
    path = tmp_path / "jets.parquet"
    ak.to_parquet(ak.Array({"label": list(range(1000)), "jet_pt": [float(k**2) for k in range(1000)]}), path)
    content = bytearray(path.read_bytes())
    content[8:400] = bytes(392)
    path.write_bytes(content)
    with pytest.raises(UserError, match=naming("jets.parquet", "damaged")):
        read_pool([path], "label")
