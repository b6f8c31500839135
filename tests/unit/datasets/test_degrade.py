import subprocess
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets import parquet_files, root_files
from hepjepa_weaver.datasets.degrade import Degradation, degrade_files
from tests.helpers.hepjepa_command import HEPJEPA
from tests.helpers.messages import naming


@pytest.fixture(params=[".root", ".parquet"])
def source(request, tmp_path: Path) -> Path:
    """A file of 300 jets of 0 to 19 particles, each known by its number and its place in the jet."""
    counts = np.arange(300) % 20
    place = ak.local_index(ak.unflatten(np.zeros(counts.sum()), counts))
    jets = {
        "jet_number": np.arange(300),
        "part_place": ak.values_astype(place, "float32"),
        "part_charge": ak.values_astype(place % 3 - 1, "float32"),
    }
    (tmp_path / "test").mkdir()
    path = tmp_path / "test" / f"jets_000{request.param}"
    if request.param == ".root":
        root_files.write_jets([ak.zip(jets, depth_limit=1)], path, {"part_place": "npart", "part_charge": "npart"})
    else:
        ak.to_parquet(ak.zip(jets, depth_limit=1), path)
    return path


def read(path: Path):
    if path.suffix == ".parquet":
        return ak.from_parquet(path)
    with uproot.open(path) as file:
        return file["tree"].arrays()


def test_jets_without_particles_and_nothing_to_take_are_named(tmp_path: Path):
    root_files.write_jets([ak.Array({"jet_pt": [1.0]})], tmp_path / "A_000.root", {})
    with pytest.raises(UserError, match=naming("A_000.root", "part_", "--zero", "--drop")):
        degrade_files([tmp_path / "A_000.root"], tmp_path / "out", Degradation(drop=0.5), seed=0)
    with pytest.raises(UserError, match="nothing is taken from the jets"):
        Degradation()


def test_columns_become_zero_and_nothing_else_changes(source: Path, tmp_path: Path):
    assert degrade_files([source], tmp_path / "out", Degradation(zero=("part_charge",)), seed=0) == 300
    before, after = read(source), read(tmp_path / "out" / source.name)
    assert ak.all(after["part_charge"] == 0)
    assert ak.num(after["part_charge"]).to_list() == ak.num(before["part_charge"]).to_list()
    for name in ("jet_number", "part_place"):
        assert after[name].to_list() == before[name].to_list()
        assert str(after[name].type) == str(before[name].type)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_particles_are_dropped_with_all_their_columns(source: Path, tmp_path: Path, share: float, monkeypatch):
    for module in (root_files, parquet_files):
        monkeypatch.setattr(module, "CHUNK", 70)
    degrade_files([source], tmp_path / "out", Degradation(drop=share), seed=0)
    before, after = read(source), read(tmp_path / "out" / source.name)
    kept, n_before = ak.num(after["part_place"]), ak.num(before["part_place"])
    assert ak.num(after["part_charge"]).to_list() == kept.to_list()
    assert ak.all((kept > 0) == (n_before > 0))
    assert ak.all(ak.firsts(after["part_place"])[kept > 0] == 0)  # the leading one stays
    assert ak.all(after["part_place"] % 3 - 1 == after["part_charge"])
    others, n_others = ak.sum(kept) - ak.sum(kept > 0), ak.sum(n_before) - ak.sum(n_before > 0)
    assert others / n_others == pytest.approx(1 - share, abs=4 * np.sqrt(share * (1 - share) / n_others))


def test_the_same_seed_drops_the_same(source: Path, tmp_path: Path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        degrade_files([source.parent], tmp_path / name, Degradation(drop=0.3), seed)
    a, b, c = (read(tmp_path / name / source.name)["part_place"].to_list() for name in "abc")
    assert a == b != c


def test_mistakes_are_named(source: Path, tmp_path: Path):
    with pytest.raises(UserError, match=naming(source.name, "part_pid", "--zero")):
        degrade_files([source], tmp_path / "out", Degradation(zero=("part_pid",)), seed=0)
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(UserError, match="holds the jets themselves"):
        degrade_files([source], source.parent, Degradation(drop=0.1), seed=0)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / source.name).write_bytes(b"mine")
    with pytest.raises(UserError, match=naming(source.name)):
        degrade_files([source], tmp_path / "mine", Degradation(drop=0.1), seed=0)
    for share in (-0.1, 1.0):
        with pytest.raises(UserError, match=naming("drop", 0, 1)):
            Degradation(drop=share)


def test_the_command(source: Path, tmp_path: Path):
    command = [*HEPJEPA, "degrade", str(source.parent), "-o", "out", "--drop", "0.2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "out: 300 jets written\n"
