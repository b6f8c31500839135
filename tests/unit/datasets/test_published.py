"""The whole way from a record on a server to files that weaver trains on."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets import published, quark_gluon, top_landscape
from hepjepa_weaver.datasets.published import DATA_SETS, get_dataset
from hepjepa_weaver.datasets.quark_gluon import parquet_name
from tests.helpers.archives import contents, write_tar
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.hepjepa_command import HEPJEPA
from tests.helpers.messages import naming
from tests.helpers.published_files import write_quark_gluon_file, write_top_file
from tests.helpers.weaver_loader import read_with_weaver
from tests.helpers.zenodo_server import Zenodo, running


@pytest.fixture
def zenodo() -> Iterator[Zenodo]:
    with running(Zenodo({})) as server:
        yield server


def hold_top(zenodo: Zenodo, folder: Path) -> None:
    for seed, name in enumerate(DATA_SETS["TopLandscape"].record.files):
        write_top_file(folder / name, 10 + seed, seed)
        zenodo.record[name] = (folder / name).read_bytes()
        (folder / name).unlink()


def hold_quark_gluon(zenodo: Zenodo, folder: Path) -> None:
    for seed, name in enumerate(DATA_SETS["QuarkGluon"].record.files):
        write_quark_gluon_file(folder / name, 4 + seed, seed)
        zenodo.record[name] = (folder / name).read_bytes()
        (folder / name).unlink()


def hold_jetclass(zenodo: Zenodo, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold small archives; their checksums are not the published ones, so those are forgotten."""
    for name in DATA_SETS["JetClass"].record.files:
        archive = write_tar(folder / name, {f"HToBB_{len(zenodo.record):03d}.root": name.encode() * 100})
        zenodo.record[name] = archive.read_bytes()
        archive.unlink()
    record = replace(DATA_SETS["JetClass"].record, md5={})
    monkeypatch.setitem(DATA_SETS, "JetClass", replace(DATA_SETS["JetClass"], record=record))


def n_jets(path: Path) -> int:
    return len(ak.from_parquet(path))


def test_top_landscape_by_the_command(zenodo: Zenodo, tmp_path: Path):
    hold_top(zenodo, tmp_path)
    command = [*HEPJEPA, "get", "TopLandscape", "-d", str(tmp_path / "top"), "--server", zenodo.address]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "train.h5: 10 jets in" in first.stdout
    assert "3 files of TopLandscape made, 0 were there already" in first.stdout
    sizes = {name: n_jets(tmp_path / "top" / f"{name}_file.parquet") for name in ("train", "val", "test")}
    assert sizes == {"train": 10, "val": 11, "test": 12}
    before = contents(tmp_path / "top")
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "0 files of TopLandscape made, 3 were there already" in second.stdout
    assert contents(tmp_path / "top") == before


def test_quark_gluon_files_in_their_natural_order(zenodo: Zenodo, tmp_path: Path):
    hold_quark_gluon(zenodo, tmp_path)
    get_dataset("QuarkGluon", tmp_path, [], zenodo.address)
    made = {path.name: n_jets(path) for path in tmp_path.glob("*.parquet")}
    expected = {f"train_file_{i}.parquet": 4 + i for i in range(18)}
    assert made == expected | {"test_file_0.parquet": 22, "test_file_1.parquet": 23}
    assert parquet_name("QG_jets_9.npz") == "train_file_9.parquet"


def test_jetclass_goes_to_its_folders(zenodo: Zenodo, tmp_path: Path, monkeypatch):
    hold_jetclass(zenodo, tmp_path, monkeypatch)
    get_dataset("JetClass", tmp_path, [], zenodo.address, keep_raw=False)
    folders = {name.rpartition("/")[0] for name in contents(tmp_path) if name.endswith(".root")}
    assert folders == {"Pythia/train_100M", "Pythia/val_5M", "Pythia/test_20M"}
    assert len(list((tmp_path / "Pythia" / "train_100M").iterdir())) == 10
    assert not list((tmp_path / "raw").glob("*.tar"))


def test_what_is_unpacked_is_not_downloaded_again_and_what_is_lost_is(zenodo: Zenodo, tmp_path: Path, monkeypatch):
    hold_jetclass(zenodo, tmp_path, monkeypatch)
    for _ in range(2):
        get_dataset("JetClass", tmp_path, ["*val_5M*", "*part3*"], zenodo.address, keep_raw=False)
    names = ("JetClass_Pythia_val_5M.tar", "JetClass_Pythia_train_100M_part3.tar")
    assert [len(zenodo.ranges_of(name)) for name in names] == [1, 1]
    before = contents(tmp_path)
    next((tmp_path / "Pythia" / "val_5M").iterdir()).unlink()
    get_dataset("JetClass", tmp_path, ["*val_5M*"], zenodo.address, keep_raw=False)
    assert contents(tmp_path) == before


def test_an_interrupted_run_goes_on(zenodo: Zenodo, tmp_path: Path):
    hold_top(zenodo, tmp_path)
    zenodo.served["val.h5"] = zenodo.record["val.h5"][::-1]
    with pytest.raises(UserError, match=naming("val.h5", "MD5")):
        get_dataset("TopLandscape", tmp_path / "top", [], zenodo.address)
    assert n_jets(tmp_path / "top" / "train_file.parquet") == 10
    zenodo.served.clear()
    get_dataset("TopLandscape", tmp_path / "top", [], zenodo.address)
    assert len(zenodo.ranges_of("train.h5")) == 1
    assert n_jets(tmp_path / "top" / "test_file.parquet") == 12


def test_a_file_of_the_public_conversion_is_not_taken_for_ours(zenodo: Zenodo, tmp_path: Path):
    hold_top(zenodo, tmp_path)
    ak.to_parquet(ak.Array({"jet_pt": [1.0]}), tmp_path / "train_file.parquet")
    with pytest.raises(UserError, match=naming("train_file.parquet", "train.h5")):
        get_dataset("TopLandscape", tmp_path, [], zenodo.address)
    assert n_jets(tmp_path / "train_file.parquet") == 1


def test_space_is_checked_before_the_download(zenodo: Zenodo, tmp_path: Path, monkeypatch):
    hold_top(zenodo, tmp_path)
    monkeypatch.setitem(DATA_SETS, "TopLandscape", replace(DATA_SETS["TopLandscape"], growth=1e12))
    with pytest.raises(UserError, match=naming("GB")):
        get_dataset("TopLandscape", tmp_path, [], zenodo.address)
    assert zenodo.ranges_of("train.h5") == []


def test_one_original_at_a_time_needs_less_space(zenodo: Zenodo, tmp_path: Path, monkeypatch):
    """With --delete-raw the largest of them counts, not their sum."""
    hold_jetclass(zenodo, tmp_path, monkeypatch)
    asked = []
    monkeypatch.setattr(published, "check_space", lambda *args: asked.append(args[1]))
    sizes = [len(content) for content in zenodo.record.values()]
    get_dataset("JetClass", tmp_path / "kept", [], zenodo.address)
    get_dataset("JetClass", tmp_path / "deleted", [], zenodo.address, keep_raw=False)
    assert asked == [2 * sum(sizes), max(sizes) + sum(sizes)]


def test_a_pattern_that_fits_nothing_is_named(zenodo: Zenodo, tmp_path: Path):
    hold_top(zenodo, tmp_path)
    with pytest.raises(UserError, match=naming("TopLandscape", "train.h5", "val.h5", "test.h5")):
        get_dataset("TopLandscape", tmp_path, ["train"], zenodo.address)


def test_the_command_ends_with_one_line_on_an_error(tmp_path: Path):
    command = [*HEPJEPA, "get", "QuarkGluon", "-d", str(tmp_path), "--server", "http://127.0.0.1:9"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: http://127.0.0.1:9/api/records/3164691 does not list its files")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("config", "n_features"),
    [
        ("TopLandscape/top_kin", 7),
        ("QuarkGluon/qg_kin", 7),
        ("QuarkGluon/qg_kinpid", 13),
        ("QuarkGluon/qg_kinpidplus", 13),
    ],
)
def test_data_configs_read_the_converted_files(tmp_path: Path, config: str, n_features: int):
    name = config.partition("/")[0]
    raw = DATA_SETS[name].record.files[0]
    if name == "TopLandscape":
        write_top_file(tmp_path / raw, 12)
        top_landscape.convert(tmp_path / raw, tmp_path / "jets.parquet")
    else:
        write_quark_gluon_file(tmp_path / raw, 12)
        quark_gluon.convert(tmp_path / raw, tmp_path / "jets.parquet")
    inputs, labels = read_with_weaver(tmp_path / "jets.parquet", REPOSITORY / "data_configs" / f"{config}.yaml")
    assert inputs["pf_features"].shape == (12, n_features, 128)
    assert np.isfinite(inputs["pf_features"]).all()
    jets = ak.from_parquet(tmp_path / "jets.parquet")
    is_signal = dict(zip(jets["jet_pt"].to_list(), jets["label"].to_list(), strict=True))
    assert {pt: 1.0 - label for pt, label in labels.items()} == is_signal  # class 0 is the signal
    if config.endswith("kinpidplus"):
        values = np.unique(inputs["pf_features"][:, 6:8])
        np.testing.assert_allclose(values, [0, 0.2, 0.5, 1], rtol=1e-6)
